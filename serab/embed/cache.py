"""Where computed things are kept: written whole, shared by processes, and never worth a failure."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

from datamodules.files import write_whole
from serab.cache_folder import AUDIO, audio_bytes, audio_limit, prune_audio

log = logging.getLogger("evaluate")

_CHECKSUM_BYTES = hashlib.sha256().digest_size

PRUNE_AT, PRUNE_TO = 1.05, 0.9
"""Shares of the limit: decoded audio that has grown beyond the one is pruned to the other."""


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
        self._limit = audio_limit()
        self._audio: int | None = None  # bytes, counted when the first is written
        self._lock = threading.Lock()

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
        if path is None or self._refused or (names[0] == AUDIO and self._limit == 0):
            return None
        content = content.encode() if isinstance(content, str) else content
        try:
            written = write_whole(path, content + _checksum(names, content))
            if names[0] == AUDIO and self._limit is not None:
                self._bound_audio(len(content))
            return written
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

    def use(self, *names: str) -> bytes | None:
        """`read`, and the entry is the last that `prune_audio` deletes."""
        content = self.read(*names)
        path = self.path(*names)
        if content is not None and path is not None:
            with suppress(OSError):  # a read-only cache
                os.utime(path)
        return content

    def _bound_audio(self, added: int) -> None:
        """Keep decoded audio near its limit, by what this process and others wrote."""
        assert self.folder is not None
        assert self._limit is not None
        with self._lock:
            if self._audio is None:
                self._audio = audio_bytes(self.folder)
            else:
                self._audio += added
            if self._audio > PRUNE_AT * self._limit:
                prune_audio(self.folder, int(PRUNE_TO * self._limit))
                self._audio = None


def _checksum(names: tuple[str, ...], content: bytes) -> bytes:
    return hashlib.sha256("/".join(names).encode() + b"\n" + content).digest()
