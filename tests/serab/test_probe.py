"""The probe is logged, leaves training as it is to the bit, and never reads the test part."""

import csv
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import CSVLogger
from torch.utils.data import DataLoader

from models.audio_ntt import AudioNTT
from models.augmentations import Mixup, RandomResizeCrop, TwoViews
from models.frontend import LogMel
from models.pretraining import BYOLPretraining
from serab.index import CorpusIndexError
from serab.probe import Probe, probe
from serab.protocol import STRICT
from serab.splits import split
from tests.support.small_corpus import make_corpus


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    return make_corpus(tmp_path / "data", takes=1, seconds=0.3)


def module() -> BYOLPretraining:
    torch.manual_seed(0)
    return BYOLPretraining(
        AudioNTT(embed_dim=16, channels=4),
        LogMel(),
        TwoViews(Mixup(memory_size=8), RandomResizeCrop()),
        lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
        hidden_dim=32,
        projector_dim=8,
    )


def fit(folder: Path, callbacks: list) -> BYOLPretraining:
    waveforms = torch.randn(24, 15_200, generator=torch.Generator().manual_seed(0)) * 0.1
    clips = [{"waveform": waveform, "unreadable": 0} for waveform in waveforms]
    trained = module()
    Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=CSVLogger(folder, name="", version=""),
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    ).fit(trained, DataLoader(clips, batch_size=4))
    return trained


@pytest.mark.filterwarnings("ignore")
def test_logged_beside_the_loss_and_training_is_the_same(corpus, tmp_path):
    looked = fit(tmp_path / "probe", [Probe(["EMV"], every_epochs=2)])
    plain = fit(tmp_path / "plain", [])
    for key, value in plain.state_dict().items():
        assert torch.equal(value, looked.state_dict()[key]), key
    rows = list(csv.DictReader((tmp_path / "probe" / "metrics.csv").open()))
    scored = [row for row in rows if row.get("probe_EMV")]
    assert len(scored) == 2  # epoch 2, and the last
    assert all(0 <= float(row["probe_EMV_uar"]) <= 1 for row in scored)
    assert all(row["loss_epoch"] for row in scored)


def test_test_speakers_are_never_read(corpus, tmp_path):
    parts = split(corpus, STRICT, 0)
    for position in parts.test:
        corpus.audio(corpus.utterances[position]).unlink()
    trained = module().eval()
    scores = probe(trained.byol.encoder, trained.frontend, corpus, parts)
    assert set(scores) == {"", "_uar"}


def test_a_classifier_of_the_training_speakers_is_scored_on_others(corpus):
    """Pitch and loudness tell the emotions of this corpus: even random weights are above chance."""
    trained = module()
    scores = probe(trained.byol.encoder, trained.frontend, corpus, split(corpus, STRICT, 0))
    assert scores[""] > 1.5 / len(corpus.emotions)
    assert trained.training


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"tasks": ["XYZ"]}, "XYZ"),
        ({"tasks": ["EMV"], "every_epochs": 0}, "every_epochs=0"),
        ({"tasks": []}, "empty list"),
    ],
)
def test_bad_arguments(corpus, arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Probe(**arguments)


def test_a_corpus_that_is_not_prepared(corpus):
    with pytest.raises(CorpusIndexError, match="RAV"):
        Probe(["RAV"])
