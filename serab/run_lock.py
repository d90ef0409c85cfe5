"""One process at a time writes to a run directory; the lock ends with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path


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
