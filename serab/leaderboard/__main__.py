"""`python -m serab.leaderboard add RUN --name NAME ... | check | page --out DIR | table FILE`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from datamodules.files import write_whole
from serab.escaping import one_line
from serab.installed import IS_INSTALLED
from serab.leaderboard.add import entries_of, with_overlaps
from serab.leaderboard.check import faults
from serab.leaderboard.comparison import comparison
from serab.leaderboard.entry import FOLDER, KINDS, Entry, read_entries, write_entry
from serab.leaderboard.page import page
from serab.leaderboard.table import table, write_table
from serab.terminal import show_what_it_can

DESCRIBED = ("kind", "licence", "pretraining", "source")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    show_what_it_can()
    try:
        return options.work(options)
    except OSError as error:
        print(f"error: {one_line(f'{error.filename}: {error.strerror}')}", file=sys.stderr)
    except ValueError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
    return 1


def _add(options: argparse.Namespace) -> int:
    """Write a run's entries, unless one of them, or all together, don't hold."""
    if IS_INSTALLED and options.entries == FOLDER:
        raise ValueError(
            "--entries DIR: the entries of an installed project belong to it and go with its next "
            "version; give a folder of yours, or add them in a clone."
        )
    present = read_entries(options.entries)
    added = entries_of(options.run, _description(options, list(present.values())), options.command)
    added = with_overlaps(added, options.overlap)
    known = set(faults(present))
    new = {options.entries / entry.path: entry for entry in added}
    if wrong := [fault for fault in faults({**present, **new}) if fault not in known]:
        raise ValueError(f"{wrong[0]}; nothing was added.")
    for entry in added:
        print(write_entry(entry, options.entries))
    return 0


def _description(options: argparse.Namespace, present: list[Entry]) -> dict:
    """What the command line says of the system; of one that has entries already, theirs."""
    given = {key: getattr(options, key) for key in ("name", *DESCRIBED, "parameters")}
    known = next((entry.system for entry in present if entry.system.name == options.name), None)
    if known is not None:
        given = {k: getattr(known, k) if value is None else value for k, value in given.items()}
    missing = [f"--{key}" for key in DESCRIBED if given[key] is None]
    if missing:
        raise ValueError(f"--name {options.name}: is new here; give {', '.join(missing)} too.")
    return given


def _check(options: argparse.Namespace) -> int:
    entries = read_entries(options.entries)
    found = faults(entries)
    for fault in found:
        print(one_line(fault), file=sys.stderr)
    print(f"{len(entries)} entries, {len(found)} faults")
    return 1 if found else 0


def _page(options: argparse.Namespace) -> int:
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "index.html"
    write_whole(path, page(_entries(options)))
    print(path)
    return 0


def _table(options: argparse.Namespace) -> int:
    make = comparison if options.paired else table
    text = make(_entries(options), options.tasks)
    if options.file is None:
        print(text)
    else:
        write_table(options.file, text)
    return 0


def _entries(options: argparse.Namespace) -> list[Entry]:
    entries = read_entries(options.entries)
    if not entries:
        raise ValueError(f"{options.entries}: no entries; add some with `add RUN`.")
    if found := faults(entries):
        raise ValueError(f"{found[0]}; `check` lists all that doesn't hold.")
    return list(entries.values())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serab.leaderboard", description=__doc__)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--entries", type=Path, default=FOLDER, help="folder of the entries")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("add", parents=[shared], help="the tasks of an evaluation as entries")
    add.add_argument("run", type=Path, help="run directory of evaluate.py")
    add.add_argument("--name", required=True, help="of the system, as it stands in the table")
    add.add_argument("--kind", choices=KINDS)
    add.add_argument("--licence", help="of the weights or the software, such as MIT")
    add.add_argument("--pretraining", help="data, hours and labels behind it, in a few words")
    add.add_argument("--source", help="address or command that one gets it by")
    add.add_argument("--parameters", type=int, help="that were trained")
    add.add_argument(
        "--overlap",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help="what `serab analyses overlap --out FILE` found, one of each corpus",
    )
    add.add_argument("--command", required=True, help="that gave the run")
    add.set_defaults(work=_add)
    check = commands.add_parser("check", parents=[shared], help="what must hold of the entries")
    check.set_defaults(work=_check)
    html = commands.add_parser("page", parents=[shared], help="one static page")
    html.add_argument("--out", type=Path, required=True, help="folder for index.html")
    html.set_defaults(work=_page)
    markdown = commands.add_parser("table", parents=[shared], help="the table in a Markdown file")
    markdown.add_argument("file", type=Path, nargs="?", help="printed without")
    markdown.add_argument("--tasks", nargs="+", default=["EMB", "EMV"])
    markdown.add_argument("--paired", action="store_true", help="with intervals and paired tests")
    markdown.set_defaults(work=_table)
    return parser


if __name__ == "__main__":
    sys.exit(main())
