"""The README's commands: read from it, and run as a user would in a folder of their own.

    python tests/readme_commands.py      # those that are there

`run` does without the seconds that a process needs to import everything: a server that has done so
forks a child for each command.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
"""One for each kind of user; their commands are run as the README's are."""
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
PROGRAM = ("train.py", "evaluate.py", "conf", "models", "datamodules", "serab", "benchmarks")
"""What of the repository a command may need in its working directory."""

PRELOADED = (
    *("train", "evaluate", "models.pretraining", "models.encoders", "models.checkpoint"),
    *("datamodules.pretraining", "serab.evaluation", "serab.classifiers", "serab.extractors"),
)


def blocks(language: str, page: Path = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(*pages: Path) -> list[str]:
    """Every command of the pages' shell blocks, as printed, without its comment."""
    found = [block for page in pages or [README] for block in blocks("sh", page)]
    lines = "\n".join(found).replace("\\\n", " ").splitlines()
    return list(dict.fromkeys(re.sub(r"\s*(^|\s)#.*", "", line).strip() for line in lines if line))


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status and all that it printed."""

    status: int | None
    printed: str


def make_workplace(folder: Path) -> Path:
    """A folder in which the README's commands work as in the repository."""
    folder.mkdir(parents=True)
    for name in PROGRAM:
        (folder / name).symlink_to(ROOT / name)
    return folder


def run(
    command: str, folder: Path, environment: dict[str, str], fresh: bool = False, limit: float = 100
) -> Ended:
    """Run a command `python ...`; what it prints comes back.

    Args:
        command: as printed, perhaps with overrides behind it.
        folder: working directory.
        environment: its variables, all of them.
        fresh: in a new interpreter, where imports depend on the environment or processes start.
        limit: seconds after which it is stopped, and `status` is None.
    """
    python, *arguments = shlex.split(command)
    assert python == "python", f"{command}: say here how to run it"
    if fresh:
        try:
            done = subprocess.run(
                [sys.executable, *arguments], cwd=folder, env=environment, timeout=limit, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            return Ended(None, str(late.output))
        return Ended(done.returncode, done.stdout)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    output = folder / ".printed"
    process = context.Process(target=_here, args=(arguments, str(folder), environment, str(output)))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        process.join()
        return Ended(None, output.read_text())
    return Ended(process.exitcode, output.read_text())


def _here(arguments: list[str], folder: str, environment: dict[str, str], output: str) -> None:
    """In the child: become that command."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, printed), (2, printed)):
        os.dup2(target, stream)
    sys.path.insert(0, folder)
    script, *rest = arguments
    if script == "-m":
        module, *rest = rest
        sys.argv = [module, *rest]
        sys.modules.pop(module, None)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [script, *rest]
        runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    print("\n".join(commands()))
