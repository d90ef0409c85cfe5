"""A report's map takes seconds: it is made once, kept in the cache, and made again if damaged."""

from pathlib import Path

import numpy as np
import pytest

from serab.results.projection import Projection


@pytest.fixture
def projection() -> Projection:
    random = np.random.default_rng(0)
    labels = np.array(["anger", "fear"] * 10)
    return Projection("EMB", random.normal(size=(20, 4)).astype(np.float32), labels, labels)


def test_a_map_is_kept(projection: Projection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SERAB_CACHE", str(tmp_path / "cache"))
    made = projection.map()
    assert made.shape == (20, 2)
    assert not (tmp_path / "cache").exists()  # a report alone makes no cache

    (tmp_path / "cache").mkdir()
    assert np.array_equal(projection.map(), made)
    (kept,) = (tmp_path / "cache/maps").iterdir()
    np.save(kept, made + 1)
    assert np.array_equal(projection.map(), made + 1)  # read, not made
    for damaged in (b"", kept.read_bytes()[:90], b"\x80\x04."):
        kept.write_bytes(damaged)
        assert np.array_equal(projection.map(), made)
        assert np.array_equal(np.load(kept), made)

    others = Projection("EMB", projection.components[::-1].copy(), *[projection.emotions] * 2)
    others.map()
    assert len(list((tmp_path / "cache/maps").iterdir())) == 2
