"""Valence and arousal: found where they can be heard, chosen on validation, never in UM."""

from dataclasses import replace

import numpy as np
import pytest

from serab.extractors.base import Extractor
from serab.protocol import PROTOCOLS
from serab.regression import RegressionRunner
from serab.results.run_files import RunFiles
from serab.results.summary import summarise
from serab.tasks import choose_tasks
from tests.support.small_corpus import make_corpus


class Spectrum(Extractor):
    """Twenty bands of the log spectrum: enough to hear pitch."""

    name, sample_rate, fingerprint = "spectrum", 16_000, "bands"

    def transform(self, waveforms):
        bands = [np.array_split(np.abs(np.fft.rfft(w))[:400], 20) for w in waveforms]
        return np.log([[band.mean() for band in of] for of in bands]).astype(np.float32)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    make_corpus(root, "IEM", tuple(f"0{i}{g}" for i in range(1, 6) for g in "FM"), takes=3)
    make_corpus(root, "EMV", takes=1)
    return root


@pytest.mark.parametrize("protocol", ["published", "strict"])
def test_two_dimensions_two_regressors(root, tmp_path, monkeypatch, protocol):
    monkeypatch.setenv("SERAB_CACHE", str(tmp_path / "cache"))
    tasks = choose_tasks("iem_va", root)
    assert tasks.classification == ()
    files = RunFiles(tmp_path / "run")
    index = tasks.regression[0]
    rows, split = RegressionRunner(Spectrum(), PROTOCOLS[protocol], files, jobs=1).run(index)
    assert split.leaks.clean
    assert [(r.dimension, r.regressor) for r in rows] == [
        *(("valence", "ridge"), ("valence", "SVR")),
        *(("arousal", "ridge"), ("arousal", "SVR")),
    ]
    for dimension in ("valence", "arousal"):
        (selected,) = [r for r in rows if r.dimension == dimension and r.selected]
        others = [r for r in rows if r.dimension == dimension and not r.selected]
        assert selected.test_ccc > 0.4  # a constant guess has 0
        assert selected.val_ccc >= max(r.val_ccc for r in others)
        assert all((r.test_ccc is None) is (protocol == "strict") for r in others)

    before = (tmp_path / "run/regression.jsonl").read_bytes()
    files = RunFiles(tmp_path / "run")
    again, _ = RegressionRunner(Spectrum(), PROTOCOLS[protocol], files, jobs=1).run(index)
    assert again == rows
    assert (tmp_path / "run/regression.jsonl").read_bytes() == before
    assert summarise(files.results, PROTOCOLS[protocol])["tasks"] == []


def test_a_corpus_without_labels_is_refused(root, tmp_path):
    index = choose_tasks(["IEM"], root).classification[0]
    with pytest.raises(ValueError, match=r"tasks: 3; expected codes among"):
        choose_tasks(3, root)
    bare = tuple(replace(u, valence=None) for u in index.utterances)
    with pytest.raises(ValueError, match="IEM_VA: 120 utterances of IEM have no valence"):
        RegressionRunner(Spectrum(), PROTOCOLS["strict"], RunFiles(tmp_path)).run(
            replace(index, utterances=bare)
        )
