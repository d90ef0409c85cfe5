"""Embeddings of a corpus: computed once, cached by content, resumed where a kill stopped it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from serab import waveforms
from serab.extractors.base import Extractor
from serab.index import CorpusIndex, data_root
from serab.writing import write_whole

FLUSH_SECONDS = 10.0
"""A kill loses at most that much extraction."""


def cache_root() -> Path:
    """Where embeddings are kept: `$SERAB_CACHE`, or `.cache/embeddings` below the data."""
    return Path(os.environ.get("SERAB_CACHE") or data_root() / ".cache" / "embeddings")


def embed_corpus(
    extractor: Extractor,
    index: CorpusIndex,
    train: np.ndarray,
    wanted: np.ndarray,
    cache: Path | None = None,
) -> np.ndarray:
    """Fit the extractor on the training part and embed utterances.

    Args:
        extractor: the system under test.
        index: the corpus.
        train: positions in `index.utterances` of the training part.
        wanted: positions to embed.
        cache: folder, by default `cache_root()`.

    Returns:
        float32 (len(wanted), D), in the order of `wanted`.

    Raises:
        ValueError: an embedding that isn't finite or changes its width; names the utterance.
    """
    cache = cache or cache_root()
    _fit(extractor, index, train, cache)
    store = EmbeddingStore(cache, extractor)
    hashes = [index.utterances[i].sha256 for i in wanted]
    first = {sha256: i for i, sha256 in zip(wanted, hashes, strict=True) if sha256 not in store}
    missing = list(first.values())
    progress = tqdm(
        total=len(missing), desc=f"{index.code} {extractor.name}", leave=False, disable=None
    )
    for start in range(0, len(missing), extractor.batch_size):
        batch = missing[start : start + extractor.batch_size]
        heard = list(_read(index, batch, extractor))
        try:
            embeddings = extractor.transform(heard)
        except ValueError as error:
            which = ", ".join(index.utterances[i].id for i in batch)
            raise ValueError(f"utterance {which}: {error}") from error
        _check_shape(embeddings, len(batch), extractor)
        for position, embedding in zip(batch, embeddings, strict=True):
            utterance = index.utterances[position]
            _check(embedding, utterance.id, extractor, store.width)
            store.add(utterance.sha256, embedding)
        progress.update(len(batch))
    progress.close()
    store.flush()
    return np.stack([store[sha256] for sha256 in hashes])


class EmbeddingStore:
    """Embeddings of one fitted extractor by the SHA-256 of their recording.

    Chunks are written whole and under names of their own, so processes can add at the same time.
    """

    def __init__(self, cache: Path, extractor: Extractor):
        state = json.dumps(extractor.state(), sort_keys=True)
        key = f"{extractor.fingerprint} {state} {extractor.sample_rate} {waveforms.VERSION}"
        digest = hashlib.sha256(key.encode()).hexdigest()
        self.folder = cache / f"{extractor.name}-{digest[:20]}"
        self._known: dict[str, np.ndarray] = {}
        self._new: dict[str, np.ndarray] = {}
        self._flushed_at = time.monotonic()
        for path in sorted(self.folder.glob("*.npz")):
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as chunk:
                self._known.update(zip(chunk["sha256"].tolist(), chunk["embeddings"], strict=True))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            path.unlink(missing_ok=True)  # damaged: it is computed again

    @property
    def width(self) -> int | None:
        """D, or None while nothing is known."""
        return next((len(embedding) for embedding in self._known.values()), None)

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._known

    def __getitem__(self, sha256: str) -> np.ndarray:
        return self._known[sha256]

    def add(self, sha256: str, embedding: np.ndarray) -> None:
        self._known[sha256] = self._new[sha256] = embedding
        if time.monotonic() - self._flushed_at > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is new as one chunk."""
        if self._new:
            buffer = io.BytesIO()
            np.savez(
                buffer, sha256=np.array(list(self._new)), embeddings=np.stack([*self._new.values()])
            )
            write_whole(self.folder / f"{uuid.uuid4().hex}.npz", buffer.getvalue())
            self._new = {}
        self._flushed_at = time.monotonic()


def _fit(extractor: Extractor, index: CorpusIndex, train: np.ndarray, cache: Path) -> None:
    if not extractor.needs_fit:
        return
    hashes = "".join(index.utterances[i].sha256 for i in train)
    key = f"{extractor.fingerprint} {waveforms.VERSION} {hashes}"
    path = cache / "fitted" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    if path.is_file():
        extractor.restore(json.loads(path.read_text()))
        return
    progress = tqdm(train, f"{index.code} fitting {extractor.name}", leave=False, disable=None)
    extractor.fit(_read(index, progress, extractor))
    write_whole(path, json.dumps(extractor.state()))


def _read(
    index: CorpusIndex, positions: Sequence[int], extractor: Extractor
) -> Iterator[np.ndarray]:
    for position in positions:
        path = index.audio(index.utterances[position])
        yield waveforms.read_waveform(path, extractor.sample_rate)


def _check_shape(embeddings: np.ndarray, utterances: int, extractor: Extractor) -> None:
    shape = getattr(embeddings, "shape", type(embeddings).__name__)
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[0] != utterances:
        raise ValueError(
            f"{extractor.name}: transform of {utterances} utterances gave {shape}; expected an "
            f"array ({utterances}, D)."
        )


def _check(embedding: np.ndarray, utterance: str, extractor: Extractor, width: int | None) -> None:
    if not np.isfinite(embedding).all():
        raise ValueError(
            f"{extractor.name}: the embedding of utterance {utterance} isn't finite; listen to the "
            "recording, or check the extractor."
        )
    if width is not None and len(embedding) != width:
        raise ValueError(
            f"{extractor.name}: utterance {utterance} has {len(embedding)} dimensions where others "
            f"have {width}; an extractor must pool to a constant width."
        )
