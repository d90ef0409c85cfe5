"""A process of a run that dies takes the others with it within seconds, and says so.

Without this the others wait for it in their next collective, on a GPU until the timeout of the
process group. torchrun and Slurm (`srun --kill-on-bad-exit`) do the same for processes they start.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from subprocess import Popen

from pytorch_lightning import Trainer

PEER_LOST = re.compile(
    r"closed by peer|reset by peer|refused|broken pipe|timed out|NCCL|Socket|ProcessGroup", re.I
)
"""What the collectives' messages say when another process is gone."""

POLL, GRACE = 0.3, 2.0
"""Seconds between looks, and those left to a process that is about to end with its own words."""


def lost_another(error: RuntimeError, trainer: Trainer) -> bool:
    """Whether a collective failed because another process is gone."""
    return trainer.world_size > 1 and bool(PEER_LOST.search(str(error)))


def watch_ranks(trainer: Trainer, advice: str) -> None:
    """End this process if one that it started, or the one that started it, dies.

    Args:
        trainer: before `fit`, which starts the processes.
        advice: how to go on, for the message.
    """
    if trainer.world_size == 1:
        return
    arguments = (trainer, advice, os.getppid())
    threading.Thread(target=_watch, args=arguments, daemon=True, name="rank-watch").start()


def _watch(trainer: Trainer, advice: str, parent: int) -> None:
    while True:
        time.sleep(POLL)
        started: list[Popen] = getattr(trainer.strategy.launcher, "procs", None) or []
        for local_rank, process in enumerate(started, start=1):
            if process.poll():
                _end(f"process {local_rank} of this machine {_how(process)}", advice, started)
        if trainer.local_rank > 0 and os.getppid() != parent:
            _end("the process that started this one is gone", advice, [])


def _how(process: Popen) -> str:
    code = process.returncode
    return f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"


def _end(what: str, advice: str, started: list[Popen]) -> None:
    """Say it and end; a process that raises on its own ends first, in its grace."""
    if "signal" not in what:
        time.sleep(GRACE)
    print(f"\nerror: {what}, so the run stops here; {advice}", file=sys.stderr, flush=True)
    for process in started:
        with contextlib.suppress(OSError):
            process.kill()
    os._exit(1)
