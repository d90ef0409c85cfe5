"""Is every recording whole? Hashes and decodes them all, in parallel."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from datamodules.audio import AudioError, read_audio
from serab.index import Stamp

POINTER = b"version https://git-lfs.github.com/spec/"
"""How the text file begins that a git clone without LFS has in a recording's place."""


@dataclass(frozen=True)
class Checked:
    """A recording that decodes: duration (s), sha256 of the file, stamp, and if it is all zeros."""

    seconds: float
    sha256: str
    stamp: Stamp
    silent: bool


@dataclass(frozen=True)
class Broken:
    """A recording that doesn't, and why; `pointer` when git-lfs hasn't fetched it."""

    reason: str
    pointer: bool = False


def check_recordings(
    root: Path, paths: Iterable[str], title: str, workers: int | None = None
) -> dict[str, Checked | Broken]:
    """Hash and decode recordings under `root`, by relative path, with a progress bar."""
    paths = list(paths)
    # decoding and hashing leave the interpreter's lock, so threads are enough
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        verdicts = pool.map(lambda path: check_recording(root / path), paths)
        bar = tqdm(verdicts, title, total=len(paths), unit="file", disable=None)
        return dict(zip(paths, bar, strict=True))


def check_recording(path: Path) -> Checked | Broken:
    """Hash and decode one recording."""
    try:
        stat = path.stat()
        content = path.read_bytes()
    except OSError as error:
        return Broken(f"can't be read ({error.strerror})")
    if content.startswith(POINTER):
        return Broken("a git-lfs pointer of some 130 bytes, not the recording", pointer=True)
    try:
        waveform, sample_rate = read_audio(path)
    except AudioError as error:
        return Broken(str(error).removeprefix(f"{path}: "))
    return Checked(
        seconds=len(waveform) / sample_rate,
        sha256=hashlib.sha256(content).hexdigest(),
        stamp=Stamp(stat.st_size, stat.st_mtime_ns),
        silent=not waveform.any(),
    )
