"""Where computed things are kept: written whole, shared by processes, and never worth a failure."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from datamodules.files import write_whole
from serab.index import data_root

log = logging.getLogger("evaluate")

_CHECKSUM_BYTES = hashlib.sha256().digest_size

AUDIO, FITTED = "audio", "fitted"
"""Folders of the cache beside those of the extractors: decoded waveforms, fitted states."""


def cache_root() -> Path:
    """Where the cache is: `$SERAB_CACHE`, or `.cache/embeddings` below the data."""
    return Path(os.environ.get("SERAB_CACHE") or data_root() / ".cache" / "embeddings")


class Cache:
    """A folder that may be read-only, full or absent: what can't be kept is computed again.

    An entry ends with the SHA-256 of its name and content (32 bytes, which `numpy.load` leaves
    unread). One that doesn't agree with it is as good as none: it is computed again.

    Args:
        folder: of the cache; None keeps nothing.
    """

    def __init__(self, folder: Path | None):
        self.folder = folder
        self._refused = False

    def path(self, *names: str) -> Path | None:
        """Where an entry is or would be; None without a folder."""
        return None if self.folder is None else self.folder.joinpath(*names)

    def read(self, *names: str) -> bytes | None:
        """An entry, or None where there is none that can be read and is whole."""
        path = self.path(*names)
        try:
            entry = path.read_bytes() if path is not None else b""
        except OSError:
            return None
        content = entry[:-_CHECKSUM_BYTES]
        return content if entry[-_CHECKSUM_BYTES:] == _checksum(names, content) else None

    def write(self, content: bytes | str, *names: str) -> Path | None:
        """Keep an entry; the first one that can't be written is said, and none is tried after it.

        Returns:
            where it was written, or None.
        """
        path = self.path(*names)
        if path is None or self._refused:
            return None
        content = content.encode() if isinstance(content, str) else content
        try:
            return write_whole(path, content + _checksum(names, content))
        except OSError as error:
            self._refused = True
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            log.warning(
                "cache %s can't be written (%s): nothing more is kept there in this run; make "
                "room or set SERAB_CACHE to another folder",
                self.folder,
                cause.strerror,
            )
            return None


def _checksum(names: tuple[str, ...], content: bytes) -> bytes:
    return hashlib.sha256("/".join(names).encode() + b"\n" + content).digest()


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
