"""Embeddings of a corpus: computed once, cached by content, resumed where a kill stopped it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Protocol

import numpy as np

from datamodules.prefetch import prefetch, processors
from serab.cache_folder import FITTED, cache_root
from serab.embed.cache import Cache
from serab.embed.reader import WaveformReader
from serab.embed.store import EmbeddingStore
from serab.embed.waveforms import VERSION
from serab.extractors.base import Extractor
from serab.extractors.loading import single_threaded_torch
from serab.index import CorpusIndex
from serab.terminal import progress


class Store(Protocol):
    """Where embeddings go, by the SHA-256 of their recording."""

    @property
    def width(self) -> int | None: ...
    def __contains__(self, sha256: str) -> bool: ...
    def add(self, sha256: str, embedding: np.ndarray) -> None: ...
    def flush(self) -> None: ...


def embed_corpus(
    extractor: Extractor,
    index: CorpusIndex,
    train: np.ndarray,
    positions: np.ndarray,
    cache: Cache | None = None,
) -> np.ndarray:
    """Fit the extractor on the training part and embed utterances.

    Recordings are decoded and resampled ahead of the extractor, by threads; utterances of about
    the same length come together, the longest first.

    Args:
        extractor: the system under test.
        index: the corpus.
        train: positions in `index.utterances` of the training part.
        positions: in `index.utterances`, to embed.
        cache: by default the one at `cache_root()`; `Cache(None)` keeps nothing.

    Returns:
        float32 (len(positions), D), in their order.

    Raises:
        ValueError: an embedding that isn't finite or changes its width; names the utterance.
    """
    cache = Cache(cache_root()) if cache is None else cache
    reader = WaveformReader(index, extractor.sample_rate, cache)
    fit_extractor(extractor, [(reader, train)])
    return embed_waveforms(extractor, reader, positions)


def embed_waveforms(
    extractor: Extractor, reader: WaveformReader, positions: np.ndarray
) -> np.ndarray:
    """Embed utterances with an extractor that is fitted, as `embed_corpus` does."""
    index, cache = reader.index, reader.cache
    hashes = [index.utterances[i].sha256 for i in positions]
    store = EmbeddingStore(cache, extractor, hashes)
    fill(store, extractor, reader, positions)
    return np.stack([store[sha256] for sha256 in hashes])


def fill(store: Store, extractor: Extractor, reader: WaveformReader, positions: np.ndarray) -> None:
    """Embed what the store lacks of the utterances at `positions`, by a fitted extractor."""
    index = reader.index
    hashes = [index.utterances[i].sha256 for i in positions]
    first = {sha256: i for i, sha256 in zip(positions, hashes, strict=True) if sha256 not in store}
    bar = progress(
        title=f"{index.code} {extractor.name}",
        total=round(sum(index.utterances[i].seconds for i in first.values())),
        unit=" s of audio",
    )
    try:
        with closing(_embeddings(extractor, reader, list(first.values()), store)) as computed:
            for batch, embeddings in computed:
                for position, embedding in zip(batch, embeddings, strict=True):
                    utterance = index.utterances[position]
                    _check(embedding, utterance.id, extractor, store.width)
                    store.add(utterance.sha256, embedding)
                    bar.update(utterance.seconds)
    finally:
        store.flush()
        bar.close()


def _embeddings(
    extractor: Extractor, reader: WaveformReader, positions: list[int], store: Store
) -> Generator[tuple[list[int], np.ndarray], None, None]:
    """Batches of positions and their embeddings; what another process embeds meanwhile isn't."""
    utterances = reader.index.utterances

    def pending_batches() -> Iterator[list[int]]:
        for batch in batches(extractor, [u.seconds for u in utterances], positions):
            left = [i for i in batch if utterances[i].sha256 not in store]
            if left:
                yield left

    def read(batch: list[int]) -> tuple[list[int], list[np.ndarray]]:
        return batch, [reader(i) for i in batch]

    def transform(batch: list[int], waveforms: list[np.ndarray]) -> np.ndarray:
        try:
            embeddings = extractor.transform(waveforms)
        except ValueError as error:
            names = ", ".join(utterances[i].id for i in batch)
            raise ValueError(f"utterance {names}: {error}") from error
        check_shape(embeddings, len(batch), extractor)
        return embeddings

    def embed(batch: list[int]) -> tuple[list[int], np.ndarray]:
        return batch, transform(*read(batch))

    if extractor.concurrent:
        with single_threaded_torch():
            yield from prefetch(embed, pending_batches())
    else:
        for batch, waveforms in prefetch(read, pending_batches(), max_pending=max(2, processors())):
            yield batch, transform(batch, waveforms)


def batches(
    extractor: Extractor, seconds: Sequence[float], positions: Sequence[int]
) -> Iterator[list[int]]:
    """Positions in `seconds` in batches of utterances of about one length, the longest first."""
    batch: list[int] = []
    # the longest first: too little memory shows at once, and padding is short
    for position in sorted(positions, key=lambda i: (-seconds[i], i)):
        longest = seconds[batch[0] if batch else position]
        full = (len(batch) + 1) * longest > extractor.batch_seconds
        if batch and (full or len(batch) == extractor.batch_size):
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def fit_extractor(
    extractor: Extractor, training: Sequence[tuple[WaveformReader, np.ndarray]]
) -> None:
    """Fit an extractor on training parts: of one corpus, or of several, one after the other.

    Args:
        training: each corpus' reader, and positions in its `index.utterances`.
    """
    if not extractor.needs_fit:
        return
    hashes = "".join(reader.index.utterances[i].sha256 for reader, part in training for i in part)
    cache = training[0][0].cache
    key = f"{extractor.fingerprint} {VERSION} {hashes}"
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    kept = cache.read(FITTED, name)
    if kept is not None:
        try:
            extractor.restore(json.loads(kept))
            return
        except (ValueError, KeyError, TypeError):
            pass  # damaged: it is fitted again
    codes = "+".join(reader.index.code for reader, _ in training)
    items = [(reader, position) for reader, part in training for position in part]
    positions = progress(items, f"{codes} fitting {extractor.name}", unit=" utterances")
    extractor.fit(prefetch(lambda item: item[0](item[1]), positions))
    cache.write(json.dumps(extractor.state()), FITTED, name)


def check_shape(embeddings: np.ndarray, utterances: int, extractor: Extractor) -> None:
    """Raise ValueError where `transform` gave something else than an embedding an utterance."""
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
