"""Embeddings are computed once, kept by content, and resumed in the middle."""

import numpy as np
import pytest

from serab.embed import store as embedding_store
from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.embed.store import EmbeddingStore
from serab.extractors.base import Extractor
from tests.support.small_corpus import make_corpus


class Counting(Extractor):
    """Mean and loudness; counts what it is asked and can fail like a kill."""

    name, sample_rate = "counting", 16_000

    def __init__(self, fail_after: int | None = None, fingerprint: str = "one"):
        self.fingerprint, self.fail_after, self.calls = fingerprint, fail_after, 0
        self.level = None

    def fit(self, train_waveforms):
        self.level = float(np.mean([np.abs(w).mean() for w in train_waveforms]))
        return self

    def transform(self, waveforms):
        self.calls += 1
        if self.calls == self.fail_after:
            raise KeyboardInterrupt
        return np.stack([[w.mean(), w.std() / self.level] for w in waveforms]).astype(np.float32)

    def state(self):
        return {"level": self.level}

    def restore(self, state):
        self.level = state["level"]
        return self


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("data"), takes=1, seconds=0.1)


TRAIN = np.arange(0, 20)


def test_order_and_cache(index, tmp_path):
    wanted = np.array([7, 3, 30, 3])
    first = Counting()
    embeddings = embed_corpus(first, index, TRAIN, wanted, Cache(tmp_path))
    assert embeddings.dtype == np.float32
    assert np.array_equal(embeddings[1], embeddings[3])
    again = Counting()
    cached = embed_corpus(again, index, TRAIN, wanted[::-1], Cache(tmp_path))
    assert again.calls == 0
    assert again.level == first.level
    assert np.array_equal(cached, embeddings[::-1])


def test_one_utterance_twice_is_computed_once(index, tmp_path):
    extractor = Counting()
    embed_corpus(extractor, index, TRAIN, np.array([3, 3, 3]), Cache(tmp_path))
    assert extractor.calls == 1


def test_what_an_embedding_depends_on(index, tmp_path):
    """Weights, or training part, or sample rate differ: nothing is taken from the cache."""
    wanted = np.arange(4)
    embed_corpus(Counting(), index, TRAIN, wanted, Cache(tmp_path))
    for train, extractor in (
        (TRAIN, Counting(fingerprint="two")),
        (TRAIN[:10], Counting()),
    ):
        embed_corpus(extractor, index, train, wanted, Cache(tmp_path))
        assert extractor.calls == 4
    slower = Counting()
    slower.sample_rate = 8_000
    embed_corpus(slower, index, TRAIN, wanted, Cache(tmp_path))
    assert slower.calls == 4


def test_resumed_in_the_middle(index, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_store, "FLUSH_SECONDS", 0.0)
    wanted = np.arange(30)
    with pytest.raises(KeyboardInterrupt):
        embed_corpus(Counting(fail_after=21), index, TRAIN, wanted, Cache(tmp_path))
    continued = Counting()
    embeddings = embed_corpus(continued, index, TRAIN, wanted, Cache(tmp_path))
    assert continued.calls == 10
    whole = embed_corpus(Counting(), index, TRAIN, wanted, Cache(tmp_path / "other"))
    assert np.array_equal(embeddings, whole)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:200],
        lambda whole: whole.replace(b"PK", b"KP"),
        lambda whole: whole[:-33] + b"x" + whole[-32:],
        lambda whole: whole[:300] + bytes(20) + whole[320:],
    ],
    ids=["cut", "no zip", "its end", "zeroed"],
)
def test_a_damaged_chunk_is_computed_again(index, tmp_path, damage):
    wanted = np.arange(5)
    before = embed_corpus(Counting(), index, TRAIN, wanted, Cache(tmp_path))
    (chunk,) = tmp_path.glob("counting-*/*.npz")
    chunk.write_bytes(damage(chunk.read_bytes()))
    again = Counting()
    assert np.array_equal(embed_corpus(again, index, TRAIN, wanted, Cache(tmp_path)), before)
    assert again.calls == 5


def test_bad_embeddings_name_the_utterance(index, tmp_path):
    class Broken(Counting):
        def transform(self, waveforms):
            self.calls += 1
            bad = [np.nan] if self.value == "nan" else [0.0] * self.calls
            return np.array([bad], dtype=np.float32)

    for value, complaint in (("nan", "isn't finite"), ("width", "2 dimensions where others")):
        extractor = Broken(fingerprint=value)
        extractor.value = value
        with pytest.raises(ValueError, match=complaint) as error:
            embed_corpus(extractor, index, TRAIN, np.arange(3), Cache(tmp_path))
        assert any(u.id in str(error.value) for u in index.utterances[:3])


def test_store_survives_two_writers(tmp_path):
    extractor = Counting()
    one, two = (
        EmbeddingStore(Cache(tmp_path), extractor, "ab"),
        EmbeddingStore(Cache(tmp_path), extractor, "ab"),
    )
    one.add("a", np.zeros(2, np.float32))
    two.add("b", np.ones(2, np.float32))
    one.flush()
    two.flush()
    both = EmbeddingStore(Cache(tmp_path), extractor, "ab")
    assert "a" in both
    assert "b" in both


def test_what_an_extractor_refuses_is_named(index, tmp_path):
    class Refusing(Counting):
        def transform(self, waveforms):
            raise ValueError("too quiet")

    with pytest.raises(ValueError, match=f"utterance {index.utterances[4].id}: too quiet"):
        embed_corpus(Refusing(), index, TRAIN, np.array([4]), Cache(tmp_path))


def test_batches_are_taken_apart_again(index, tmp_path):
    """Embeddings of batches are those of single utterances; a wrong number of them is refused."""
    wanted = np.arange(7)
    batches = Counting()
    batches.batch_size = 3
    embeddings = embed_corpus(batches, index, TRAIN, wanted, Cache(tmp_path))
    single = embed_corpus(Counting(), index, TRAIN, wanted, Cache(tmp_path / "single"))
    assert np.array_equal(embeddings, single)

    class Short(Counting):
        batch_size = 3

        def transform(self, waveforms):
            return super().transform(list(waveforms)[1:])

    with pytest.raises(ValueError, match=r"transform of 3 utterances gave \(2, "):
        embed_corpus(Short(fingerprint="short"), index, TRAIN, wanted, Cache(tmp_path))
