"""Programs as a user starts them, without the seconds that a process needs to import everything.

A server that has done so forks a child for each.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PRELOADED = (
    *("train", "evaluate", "models.pretraining", "models.encoders", "models.checkpoint"),
    *("datamodules.pretraining", "serab.evaluation", "serab.classifiers", "serab.extractors"),
)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status and all that it printed."""

    status: int | None
    printed: str


def run(
    arguments: list[str],
    folder: Path,
    environment: dict[str, str],
    fresh: bool = False,
    limit: float = 100,
) -> Ended:
    """Run `python ARGUMENTS`.

    Args:
        arguments: a script or `-m MODULE` and what is behind it.
        folder: working directory.
        environment: its variables, all of them.
        fresh: in a new interpreter, where imports depend on the environment or processes start.
        limit: seconds after which it is stopped, and `status` is None.
    """
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
