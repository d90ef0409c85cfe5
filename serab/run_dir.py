"""The directory that a run or a sweep writes to: the one asked for, or a new one."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_made: dict[Path, list[Path]] = {}
"""Run directories that this process chose, each with the folders that it made for it."""


def choose_run_dir(run_dir: str | None, parent: str) -> str:
    """`run_dir`, or a new directory below `parent` named by the time; made here if it isn't there.

    Runs that begin in the same second get one each.

    Raises:
        SystemExit: it can't be made, or has a name that Hydra can't take; here, as Hydra would
            answer with a traceback.
    """
    chosen = Path(str(run_dir) if run_dir else Path(parent, time.strftime("%Y-%m-%d_%H-%M-%S")))
    if "${" in str(chosen):
        reason = "Hydra takes ${ for the name of another entry"
        sys.exit(f"error: run_dir={chosen}: {reason}; choose another.")
    absent = [folder for folder in (chosen, *chosen.parents) if not folder.exists()]
    try:
        if run_dir:
            chosen.mkdir(parents=True, exist_ok=True)
            _made[chosen.absolute()] = absent
            tempfile.TemporaryFile(dir=chosen).close()  # may be there, and not ours to write to
            return str(chosen)
        for number in itertools.count(2):
            try:
                chosen.mkdir(parents=True)
                _made[chosen.absolute()] = [chosen, *absent[1:]]
                break
            except FileExistsError:
                chosen = chosen.with_name(f"{chosen.name[:19]}-{number}")
    except OSError as error:
        reason = f"can't be made or written to ({error.strerror})"
        sys.exit(f"error: run_dir={chosen}: {reason}; choose another.")
    return str(chosen)


def discard_unused(run_dir: Path) -> None:
    """Remove a directory that `choose_run_dir` made for a run that never began.

    One that was there before, or that holds more than logs and locks, stays.
    """
    absent = _made.get(run_dir.absolute(), [])
    if not absent or not run_dir.is_dir():
        return
    left = list(run_dir.iterdir())
    if any(not path.match("*.log") and not path.match(".*.lock") for path in left):
        return
    with contextlib.suppress(OSError):  # another process' file, perhaps
        for path in left:
            path.unlink()
        for folder in absent:
            folder.rmdir()


class RunInUse(OSError):
    """Another process writes to the run directory."""


@contextlib.contextmanager
def hold(run_dir: Path, name: str = "run") -> Iterator[None]:
    """Keep other processes from writing to `run_dir` until the block ends.

    A record lock: it isn't inherited by processes that this one starts, works over NFS, and is
    gone with the process, however that ends.

    Args:
        run_dir: made where it isn't there.
        name: of the lock; locks of different names don't exclude each other.

    Raises:
        RunInUse: another process holds it; names that process.
        OSError: the directory can't be written to.
    """
    path = run_dir / f".{name}.lock"
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OSError(
            error.errno, f"can't be written ({error.strerror}); choose another run_dir", str(path)
        ) from error
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise RunInUse(
                f"run_dir={run_dir}: {holder} writes to it just now; wait for its end or choose "
                "another run_dir."
            ) from error
        except OSError:  # a file system without locks: as before there were any
            yield
            return
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
