"""A model file: written whole or not at all, read without running code."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


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


POINTER = b"version https://git-lfs"
"""How a file begins that Git LFS keeps elsewhere."""


class CheckpointError(ValueError):
    """A file that no encoder can be loaded from; the message names it, the cause, the way out."""


def check_no_pointer(file: Path) -> None:
    """Refuse the text that stands for a file where Git LFS hasn't fetched it.

    Raises:
        CheckpointError: `file` is such a text.
    """
    with file.open("rb") as handle:
        start = handle.read(len(POINTER))
    if start == POINTER:
        raise CheckpointError(
            f"{file}: is a Git LFS pointer, a few lines of text in place of the file; fetch it "
            "with git lfs pull, or download the file itself."
        )


def load_tensors(file: Path) -> dict[str, Any]:
    """Read a torch file that holds tensors and plain values only.

    Raises:
        CheckpointError: cut off, not of torch, or holding objects, which could run code.
    """
    _check_stored(file)
    import torch  # seconds to import, and not all who write whole files need it

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
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise CheckpointError(
            f"{file}: holds a {type(content).__name__}, expected a state dict of names and tensors."
        )
    return content


def _check_stored(file: Path) -> None:
    """Hold the checksums of a file in torch's zip format, which torch itself passes over.

    torch stores without compression, so what is larger inside than outside isn't torch's.
    """
    check_no_pointer(file)
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            too_large = sum(e.file_size for e in archive.infolist()) > file.stat().st_size
            damaged = None if too_large else archive.testzip()
    except Exception:  # whatever a damaged directory of entries leads zipfile to
        too_large, damaged = False, "its list of entries"
    if too_large:
        raise CheckpointError(
            f"{file}: unpacks to more than it holds, which torch never writes; get it from its "
            "source."
        )
    if damaged:
        raise CheckpointError(
            f"{file}: cut off or damaged, the checksum of {damaged} doesn't hold; copy it again or "
            "use another checkpoint."
        )
