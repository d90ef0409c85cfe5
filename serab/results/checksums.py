"""Checksums of a run directory's files, kept beside them, so that what changed later is seen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from datamodules.files import write_whole
from datamodules.typed_json import Kind, parse

CHECKSUMS = "checksums.json"
CHANGED = f"was changed since it was written (its checksum in {CHECKSUMS} differs)"


@dataclass(frozen=True)
class _Checksums:
    """By file name: SHA-256 (hex) of its content before the last writing, and after it."""

    files: dict[str, list[str]]


def write_checked(path: Path, content: bytes | str) -> Path:
    """`write_whole`, with the checksum kept in the folder's checksums.json.

    The checksum is written first and stands beside the one of what was there before, so a kill
    between the two writes leaves a file that agrees with one of them.

    Raises:
        OSError: no room or no permission; names the file.
    """
    content = content.encode() if isinstance(content, str) else content
    try:
        before = [_sha256(path.read_bytes())]
    except FileNotFoundError:
        before = []
    files = _read(path.parent) or {}
    files[path.name] = [*before, _sha256(content)]
    write_whole(path.parent / CHECKSUMS, json.dumps({"files": files}, indent=1) + "\n")
    return write_whole(path, content)


def read_checked(path: Path) -> tuple[bytes | None, bool]:
    """A file's content, None where there is none, and whether it is what was written.

    It is taken to be where no checksum was kept, as in run directories of before.

    Raises:
        ValueError: checksums.json is damaged; one sentence.
    """
    unchanged, content = True, None
    for _ in range(3):  # a file that is replaced while it is read is read again
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None, True
        files = _read(path.parent) or {}
        unchanged = _sha256(content) in files.get(path.name, [_sha256(content)])
        if unchanged:
            break
    return content, unchanged


def read_record(path: Path, kind: type[Kind], advice: str) -> Kind | None:
    """A file of one JSON object as the dataclass `kind`; None where there is none.

    Raises:
        ValueError: it is something else, or was changed; names the file, ends with `advice`.
    """
    content, unchanged = read_checked(path)
    if content is None:
        return None
    record = parse(content, kind, str(path), advice)
    if not unchanged:
        raise ValueError(f"{path}: {CHANGED}; {advice}.")
    return record


def _read(folder: Path) -> dict[str, list[str]] | None:
    path = folder / CHECKSUMS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    advice = (
        "copy the run directory again, or delete this file, whereupon only `python -m "
        "serab.verify` sees what was changed"
    )
    return parse(content, _Checksums, str(path), advice).files


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
