"""`serab COMMAND ...`, also as `python -m serab COMMAND ...`: from recordings to a table."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple


class Command(NamedTuple):
    """A row of the table.

    Attributes:
        name: as it is typed.
        module: imported when asked for; its `main` takes the arguments.
        help: in a line.
        first: arguments in front of those given.
    """

    name: str
    module: str
    help: str
    first: tuple[str, ...] = ()


# fmt: off
COMMANDS = (
    Command("embed", "serab.embed.__main__", "a folder of recordings as a table of embeddings"),
    Command("predict", "serab.predict.__main__", "emotions by an evaluation's classifier"),
    Command("prepare", "serab.prepare.__main__", "a corpus, from archive or folder to index"),
    Command("evaluate", "serab.installed", "benchmark an encoder on emotions", ("evaluate",)),
    Command("report", "serab.report.__main__", "evaluations and the paper's table, as a page"),
    Command("verify", "serab.verify", "compute an evaluation's numbers again"),
    Command("analyses", "serab.analyses.__main__", "audit split lists; pre-training against test"),
    Command("leaderboard", "serab.leaderboard.__main__", "results that stay, and a page of them"),
    Command("train", "serab.installed", "pre-train an encoder on recordings of speech", ("train",)),
    Command("compare", "models.compare", "curves of several pre-training runs"),
    Command("sweep", "serab.sweep.__main__", "the table of a sweep, killed or not"),
    Command("hub", "models.hub.__main__", "an encoder as a folder to share, or on the Hub"),
    Command("onnx", "models.onnx.__main__", "an encoder as one ONNX file"),
    Command("manifest", "datamodules.manifest.__main__", "list AudioSet's speech"),
    Command("pack", "datamodules.shards.__main__", "decode recordings into shards", ("pack",)),
    Command("shards", "datamodules.shards.__main__", "pack recordings, or verify what was packed"),
    Command("landmarks", "datamodules.listening", "what tells a training's recordings from others"),
    Command("demo", "datamodules.demo.__main__", "synthetic demo speech"),
    Command("cache", "serab.cache", "show or prune embeddings and decoded audio"),
)
# fmt: on


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Run a command; its exit status, 2 for one that isn't there."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else 2
    name, *rest = arguments
    commands = {command.name: command for command in COMMANDS}
    if name not in commands:
        close = get_close_matches(name, commands, n=2)
        advice = f"did you mean {' or '.join(close)}?" if close else "`serab --help` lists them."
        print(f"error: serab {name}: no such command; {advice}", file=sys.stderr)
        return 2
    command = commands[name]
    return importlib.import_module(command.module).main([*command.first, *rest])


def usage() -> str:
    """All commands, a line each."""
    rows = "\n".join(f"  {command.name:12}{command.help}" for command in COMMANDS)
    return (
        "usage: serab COMMAND ...\n\n"
        "Pre-train speech encoders, embed with them, benchmark them on emotion.\n\n"
        f"{rows}\n\n"
        "`serab COMMAND --help` says more. SERAB_DATA (./data) is where prepared corpora are."
    )


if __name__ == "__main__":
    sys.exit(main())
