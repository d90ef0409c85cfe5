"""A model file: written whole or not at all, read without running code."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch


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


class CheckpointError(ValueError):
    """A file that no encoder can be loaded from; the message names it, the cause, the way out."""


def load_tensors(file: Path) -> dict[str, Any]:
    """Read a torch file that holds tensors and plain values only.

    Raises:
        CheckpointError: cut off, not of torch, or holding objects, which could run code.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds here, pickle's among them
        reason = (
            "it holds Python objects, which are refused unexecuted"
            if zipfile.is_zipfile(file)
            else "it is cut off or was not written by torch"
        )
        raise CheckpointError(
            f"{file}: can't be loaded, {reason}; expected a file of tensors, copy it again or "
            "use another checkpoint."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file}: holds a {type(content).__name__}, expected a state dict.")
    return content
