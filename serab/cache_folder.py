"""The folder of the cache: where it is, what it holds, and how it is kept small."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from serab.index import data_root

AUDIO, FITTED, MAPS = "audio", "fitted", "maps"
"""Folders of the cache beside those of the extractors: decoded waveforms, fitted states, and the
maps of reports."""

LIMIT = "SERAB_CACHE_GB"


def cache_root() -> Path:
    """Where the cache is: `$SERAB_CACHE`, or `.cache/embeddings` below the data."""
    return Path(os.environ.get("SERAB_CACHE") or data_root() / ".cache" / "embeddings")


def audio_limit() -> int | None:
    """Bytes that decoded audio may take: `$SERAB_CACHE_GB` in GB; None without a limit.

    Raises:
        ValueError: not a number from 0 on.
    """
    text = os.environ.get(LIMIT, "")
    if not text:
        return None
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise ValueError(f"{LIMIT}={text}: expected a number of GB from 0 on, such as 2.5.")
    return int(gigabytes * 1e9)


@dataclass(frozen=True)
class CacheEntry:
    """A folder of the cache: files, bytes, and days since something was written to it."""

    path: Path
    files: int
    bytes: int
    days: float


def entries(folder: Path) -> list[CacheEntry]:
    """What a cache folder holds, one entry an extractor and state, the largest first."""
    found = []
    for path in sorted(p for p in folder.glob("*") if p.is_dir()):
        stats = [p.stat() for p in path.rglob("*") if p.is_file()]
        newest = max((s.st_mtime for s in stats), default=path.stat().st_mtime)
        size = sum(s.st_size for s in stats)
        found.append(CacheEntry(path, len(stats), size, (time.time() - newest) / 86_400))
    return sorted(found, key=lambda entry: -entry.bytes)


def total_bytes(folder: Path) -> int:
    """Size of a cache folder."""
    return sum(entry.bytes for entry in entries(folder))


def audio_bytes(folder: Path) -> int:
    """Size of a cache folder's decoded audio."""
    return sum(size for _, size, _ in _audio_files(folder))


def prune_audio(folder: Path, most: int) -> tuple[int, int]:
    """Delete the decoded audio that was used least recently, down to `most` bytes.

    Returns:
        files and bytes that were deleted.
    """
    files = sorted(_audio_files(folder))
    total, count, deleted = sum(size for _, size, _ in files), 0, 0
    for _, size, path in files:
        if total - deleted <= most:
            break
        with suppress(FileNotFoundError):  # another process prunes too
            path.unlink()
        count, deleted = count + 1, deleted + size
    return count, deleted


def _audio_files(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """When each was used last (ns), its bytes, and its path."""
    for path in (folder / AUDIO).rglob("*.npy"):
        with suppress(FileNotFoundError):
            stat = path.stat()
            yield stat.st_mtime_ns, stat.st_size, path


def prune(folder: Path, name: str = "*", older_than_days: float = 0.0) -> list[CacheEntry]:
    """Delete the entries whose folder name matches `name` and that nobody wrote to of late.

    Args:
        folder: the cache.
        name: a pattern such as "audio_ntt_512-*", "audio" or "*".
        older_than_days: since the last writing.

    Returns:
        what was deleted.
    """
    pruned = [
        entry
        for entry in entries(folder)
        if entry.path.match(name) and entry.days >= older_than_days
    ]
    for entry in pruned:
        shutil.rmtree(entry.path)
    return pruned
