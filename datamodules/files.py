"""Write a file whole or not at all: a kill or a full disk leaves what was there before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to write; it takes the place of `path` in one step when the block ends well.

    It is written beside `path`, whose folder is made, and is on the disk before it is renamed, so a
    kill, a full disk or a power cut leaves what was there before.

    Raises:
        OSError: no room or no permission; names the file, and what was there is untouched.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = f"can't be written ({error.strerror}); make room or choose another folder"
            raise OSError(error.errno, reason, str(path)) from error
        raise


def write_whole(path: Path, content: bytes | str) -> Path:
    """Write `content` (text as UTF-8) to `path` by `whole_file`, and return `path`."""
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogateescape")
    with whole_file(path) as file:
        file.write(content)
    return path
