"""All layers of an extractor in one pass over a corpus, cached layer by layer.

A layer's embeddings are kept where the extractor at that layer alone would keep them, so either
takes up what the other computed. In memory are those of one layer, and what isn't written yet.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from serab.embed.cache import Cache
from serab.embed.corpus import fill, fit_extractor
from serab.embed.reader import WaveformReader
from serab.embed.store import EmbeddingStore
from serab.extractors.base import Extractor
from serab.index import CorpusIndex


class EmbeddedLayers:
    """A corpus embedded by an extractor of several layers.

    Args:
        extractor: with `layers`.
        index: the corpus.
        train: positions in `index.utterances` of the training part.
        positions: in `index.utterances`, to embed.
        cache: one without a folder is replaced by a temporary folder, removed with this object.

    Raises:
        ValueError: as `serab.embed.corpus.embed_corpus`.
    """

    def __init__(
        self,
        extractor: Extractor,
        index: CorpusIndex,
        train: np.ndarray,
        positions: np.ndarray,
        cache: Cache,
    ):
        reader = WaveformReader(index, extractor.sample_rate, cache)
        if cache.folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="serab-layers-")
            cache = Cache(Path(self._temporary.name))
        fit_extractor(extractor, [(reader, train)])
        self._cache, self._extractor = cache, extractor
        self._hashes = [index.utterances[i].sha256 for i in positions]
        self._stores = _LayerStores(cache, extractor, self._hashes)
        fill(self._stores, extractor, reader, positions)

    def at(self, layer: int) -> np.ndarray:
        """float32 (N, D) of one layer, in the order of the positions."""
        store = EmbeddingStore(self._cache, self._extractor.at_layer(layer), self._hashes)
        unwritten = self._stores.by_layer[layer]  # of a cache that is full or read-only
        return np.stack([store[h] if h in store else unwritten[h] for h in self._hashes])


class _LayerStores:
    """A store for each layer; an embedding of all layers is cut and handed out to them."""

    def __init__(self, cache: Cache, extractor: Extractor, hashes: list[str]):
        self.by_layer = {
            layer: EmbeddingStore(cache, extractor.at_layer(layer), hashes, in_memory=False)
            for layer in extractor.layers
        }

    @property
    def width(self) -> int | None:
        widths = (store.width for store in self.by_layer.values())
        known = next((width for width in widths if width is not None), None)
        return None if known is None else known * len(self.by_layer)

    def __contains__(self, sha256: str) -> bool:
        return all(sha256 in store for store in self.by_layer.values())

    def add(self, sha256: str, embedding: np.ndarray) -> None:
        for store, layer in zip(
            self.by_layer.values(), np.split(embedding, len(self.by_layer)), strict=True
        ):
            if sha256 not in store:
                store.add(sha256, layer)

    def flush(self) -> None:
        for store in self.by_layer.values():
            store.flush()
