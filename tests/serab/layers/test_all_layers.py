"""All layers in one pass: the values of each alone, cached layer by layer, memory flat."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from serab.embed import store
from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.embed.layers import EmbeddedLayers
from serab.extractors.base import Extractor
from serab.extractors.transformers import TransformersExtractor
from serab.recordings.embedding import RecordingEmbedder
from tests.support.foreign_models import save_transformers
from tests.support.small_corpus import make_corpus
from tests.support.speech import voiced

WAVEFORMS = [voiced(seconds, 16_000, 3) for seconds in (0.01, 1.0, 31.0)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    pytest.importorskip("transformers", reason="pip install transformers==5.23.0")
    return save_transformers(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("family", ["wav2vec2", "whisper"])
def test_one_pass_gives_what_a_pass_a_layer_gives(models: dict[str, str], family: str):
    extractor = TransformersExtractor(models[family], "all", device="cpu")
    passes = []
    extractor._model.register_forward_hook(lambda *_: passes.append(1))
    together = extractor.transform(WAVEFORMS)
    assert len(passes) == 1 + 1 + 2  # 31 s are two parts
    assert (extractor.layers, together.shape) == ((0, 1, 2), (3, 3 * 16))
    for layer, embeddings in zip(extractor.layers, np.split(together, 3, axis=1), strict=True):
        alone = TransformersExtractor(models[family], layer, device="cpu")
        assert embeddings == pytest.approx(alone.transform(WAVEFORMS), abs=1e-5)
        one = extractor.at_layer(layer)
        assert (one.fingerprint, one.name, one.layers) == (alone.fingerprint, alone.name, ())
        assert np.array_equal(one.transform(WAVEFORMS[:2]), alone.transform(WAVEFORMS[:2]))
    assert extractor.fingerprint not in {extractor.at_layer(i).fingerprint for i in range(3)}


@pytest.mark.parametrize("layer", ["last", "All", 3, -4, 1.0, True, None])
def test_bad_layers(models: dict[str, str], layer: object):
    with pytest.raises(ValueError, match=r"has 2 layers; give all, mean, or a number from -3 to 2"):
        TransformersExtractor(models["wav2vec2"], layer, device="cpu")


def test_a_layer_that_there_isn_t(models: dict[str, str]):
    extractor = TransformersExtractor(models["wav2vec2"], "all", device="cpu")
    with pytest.raises(ValueError, match="wav2vec2: has no layer 3 to choose"):
        extractor.at_layer(3)
    with pytest.raises(ValueError, match=r"layers 0 to 2, and only evaluate\.py chooses"):
        RecordingEmbedder(extractor, [])


class Layers(Extractor):
    """Three layers of (utterances, width) that tell recordings apart."""

    sample_rate, fingerprint, name = 16_000, "layers", "layers"

    def __init__(self, width: int, layers: tuple[int, ...] = (0, 1, 2)):
        self.width, self.layers, self.transformed = width, layers, 0
        self._chosen = layers

    def at_layer(self, layer: int) -> "Layers":
        one = Layers(self.width, ())
        one._chosen, one.fingerprint = (layer,), f"layers {layer}"
        return one

    def transform(self, waveforms):
        waveforms = list(waveforms)
        self.transformed += len(waveforms)
        rows = np.array([[i + 10 * np.abs(w).mean() for i in self._chosen] for w in waveforms])
        return np.repeat(rows, self.width, axis=1).astype(np.float32)


def test_cached_layer_by_layer(tmp_path: Path):
    index = make_corpus(tmp_path, speakers=("f1", "m1"), takes=1)
    positions, train, cache = np.arange(10), np.arange(4), Cache(tmp_path / "cache")
    extractor = Layers(4)
    alone = Layers(4).at_layer(1)
    before = embed_corpus(alone, index, train, positions[:3], cache)  # a layer of some
    layers = EmbeddedLayers(extractor, index, train, positions, cache)
    assert extractor.transformed == len(positions)
    assert np.array_equal(layers.at(1)[:3], before)
    assert layers.at(2) == pytest.approx(layers.at(0) + 2)
    found = embed_corpus(alone, index, train, positions, cache)
    assert alone.transformed == 3  # it found the others
    assert np.array_equal(found, layers.at(1))
    EmbeddedLayers(extractor, index, train, positions, cache)
    assert extractor.transformed == len(positions)
    chunks = [path for path in (tmp_path / "cache").rglob("*.npz") if path.parent.name != "audio"]
    for path in chunks[:1]:
        path.write_bytes(path.read_bytes()[:-40])  # damaged: what it had is computed again
    again = EmbeddedLayers(extractor, index, train, positions, cache)
    assert len(positions) < extractor.transformed <= 2 * len(positions)
    assert np.array_equal(again.at(1), found)


@pytest.mark.parametrize("kind", ["none", "unwritable"])
def test_where_nothing_is_kept(tmp_path: Path, kind: str):
    index = make_corpus(tmp_path, speakers=("f1",), takes=1)
    (tmp_path / "file").write_text("no folder")
    cache = Cache(None if kind == "none" else tmp_path / "file")
    layers = EmbeddedLayers(Layers(4), index, np.arange(3), np.arange(7), cache)
    assert layers.at(2) == pytest.approx(layers.at(0) + 2)
    if kind == "none":
        folder = Path(layers._temporary.name)
        assert folder.is_dir()
        del layers
        assert not folder.exists()


def test_memory_is_that_of_one_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "FLUSH_SECONDS", 0.0)
    index = make_corpus(tmp_path, speakers=("f1", "m1"), takes=1, seconds=0.1)
    n, width, count = len(index.utterances), 100_000, 6
    extractor = Layers(width, tuple(range(count)))
    embedding, layer = 4 * width * count, 4 * width * n
    tracemalloc.start()
    try:
        layers = EmbeddedLayers(extractor, index, np.arange(3), np.arange(n), Cache(None))
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 6 * embedding < 0.8 * count * layer  # some utterances ahead, not all
        tracemalloc.reset_peak()
        for number in extractor.layers:
            assert layers.at(number).shape == (n, width)
        left, peak = tracemalloc.get_traced_memory()
        assert peak < 2.5 * layer
        assert left < embedding
    finally:
        tracemalloc.stop()
