"""The directory that a run or a sweep writes to: the one asked for, or a new one."""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from pathlib import Path


def choose_run_dir(run_dir: str | None, parent: str) -> str:
    """`run_dir`, or a new directory below `parent` named by the time; made here if it isn't there.

    Runs that begin in the same second get one each.

    Raises:
        SystemExit: it can't be made; before Hydra does so, which answers with a traceback.
    """
    chosen = Path(run_dir or Path(parent, time.strftime("%Y-%m-%d_%H-%M-%S")))
    try:
        if run_dir:
            chosen.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=chosen).close()  # may be there, and not ours to write to
            return str(chosen)
        for number in itertools.count(2):
            try:
                chosen.mkdir(parents=True)
                break
            except FileExistsError:
                chosen = chosen.with_name(f"{chosen.name[:19]}-{number}")
    except OSError as error:
        reason = f"can't be made or written to ({error.strerror})"
        sys.exit(f"error: run_dir={chosen}: {reason}; choose another.")
    return str(chosen)
