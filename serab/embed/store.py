"""Embeddings of one fitted extractor on disk, by the content of their recordings."""

from __future__ import annotations

import hashlib
import io
import json
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from serab.embed import waveforms
from serab.embed.cache import Cache
from serab.extractors.base import Extractor

FLUSH_SECONDS = 10.0
"""A kill loses at most that much extraction."""


class EmbeddingStore:
    """Embeddings by the SHA-256 of their recording; only those that are wanted are in memory.

    The folder's name holds a digest of everything that an embedding depends on beside its
    recording. Chunks are written whole and under names of their own, so processes can add at the
    same time, and each finds what others have written at its next flush.

    Args:
        cache: where the folder is.
        extractor: fitted.
        hashes: SHA-256 of the recordings that will be asked for.
        in_memory: False lets go of what is on the disk: then it can only be told to be there.
    """

    def __init__(
        self, cache: Cache, extractor: Extractor, hashes: Iterable[str], in_memory: bool = True
    ):
        state = json.dumps(extractor.state(), sort_keys=True)
        key = f"{extractor.fingerprint} {state} {extractor.sample_rate} {waveforms.VERSION}"
        self.name = f"{extractor.name}-{hashlib.sha256(key.encode()).hexdigest()[:20]}"
        self._cache, self._wanted, self._in_memory = cache, set(hashes), in_memory
        self._on_disk: set[str] = set()
        self._width: int | None = None
        self._known: dict[str, np.ndarray] = {}
        self._new: dict[str, np.ndarray] = {}
        self._read: set[Path] = set()
        self._flushed_at = time.monotonic()
        self.refresh()

    def refresh(self) -> None:
        """Take up the chunks that came since the last time."""
        folder = self._cache.path(self.name)
        for path in sorted(folder.glob("*.npz")) if folder is not None else ():
            if path not in self._read:
                self._load(path)

    def _load(self, path: Path) -> None:
        self._read.add(path)
        kept = self._cache.read(self.name, path.name)
        if kept is None:
            return self._discard(path)  # or another process has pruned it meanwhile
        with np.load(io.BytesIO(kept), allow_pickle=False) as chunk:
            rows = {
                sha256: row
                for row, sha256 in enumerate(chunk["sha256"].tolist())
                if sha256 in self._wanted and sha256 not in self
            }
            if rows:
                embeddings = chunk["embeddings"]
                self._width = embeddings.shape[1]
                if self._in_memory:
                    self._known |= {sha256: embeddings[row] for sha256, row in rows.items()}
                else:
                    self._on_disk |= rows.keys()

    def _discard(self, path: Path) -> None:
        """Damaged: it is computed again, and the file is in nobody's way."""
        with suppress(OSError):  # a read-only cache
            path.unlink(missing_ok=True)

    @property
    def width(self) -> int | None:
        """D, or None while nothing is known."""
        return self._width

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._known or sha256 in self._on_disk

    def __getitem__(self, sha256: str) -> np.ndarray:
        return self._known[sha256]

    def add(self, sha256: str, embedding: np.ndarray) -> None:
        self._known[sha256] = self._new[sha256] = embedding
        self._width = len(embedding)
        if time.monotonic() - self._flushed_at > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is new as one chunk, and take up what others wrote."""
        if self._new:
            buffer = io.BytesIO()
            np.savez(
                buffer, sha256=np.array(list(self._new)), embeddings=np.stack([*self._new.values()])
            )
            written = self._cache.write(buffer.getvalue(), self.name, f"{uuid.uuid4().hex}.npz")
            if written is not None:
                self._read.add(written)
                if not self._in_memory:
                    self._on_disk |= self._new.keys()
                    self._known = {k: v for k, v in self._known.items() if k not in self._new}
            self._new = {}
        self.refresh()
        self._flushed_at = time.monotonic()
