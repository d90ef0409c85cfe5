"""Write a file whole or not at all: a kill or a full disk leaves what was there before."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes | str) -> Path:
    """Write `content` beside `path`, then put it in its place in one step.

    Raises:
        OSError: no room or no permission; names the file, and what was there is untouched.
    """
    if isinstance(content, str):
        content = content.encode()
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
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
    return path
