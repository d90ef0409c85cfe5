"""An architecture from outside of the repository: trained, exported, read where it is trusted."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.augmentations import TwoViews
from models.checkpoint import load_encoder
from models.encoders import encoder_spec
from models.files import CheckpointError
from models.frontend import LogMel
from models.hub.__main__ import main as share
from models.pretraining import BYOLPretraining
from serab.extractors.contract import check_extractor
from serab.extractors.encoder import EncoderExtractor
from tests.support.fits import Waveforms, fit

BRIEF = 1.0
"""Seconds of the longest utterance."""

CODE = """
import torch
from torch import nn

class Net(nn.Module):
    min_frames = 4

    def __init__(self, width: int = 6):
        super().__init__()
        self.embed_dim, self.arguments = width, {"width": width}
        self.layers = nn.Sequential(nn.Conv2d(1, width, 3, 2), nn.BatchNorm2d(width), nn.ReLU())

    def forward(self, log_mel):
        return self.layers(log_mel).mean(dim=(2, 3))

NOTHING = 3
"""


@pytest.fixture
def artefact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a run that trained `ownnet.deep.Net`, in a process that hasn't imported it."""
    (tmp_path / "ownnet").mkdir()
    (tmp_path / "ownnet/__init__.py").touch()
    (tmp_path / "ownnet/deep.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    from ownnet.deep import Net

    model = BYOLPretraining(
        Net(8), LogMel(), TwoViews(), lambda p: torch.optim.SGD(p, lr=0.1), 8, 16
    )
    fit(model, Waveforms(8), tmp_path, max_epochs=1)
    path = model.export_encoder(tmp_path / "encoder.safetensors")
    forget()
    yield path
    forget()


def forget() -> None:
    for name in ("ownnet", "ownnet.deep"):
        sys.modules.pop(name, None)


def test_it_is_imported_where_it_is_trusted_and_never_else(artefact: Path):
    for trust in (None, "own", "ownnet.dee", "ownnet.deep.Ne", "models", ""):
        with pytest.raises(CheckpointError, match=r"class ownnet\.deep\.Net, .*trust=ownnet\."):
            load_encoder(artefact, trust=trust)
    with pytest.raises(CheckpointError, match=r"not imported unasked.* extractor\.trust="):
        EncoderExtractor(artefact)
    assert "ownnet" not in sys.modules
    for source in (artefact, artefact.parent / "checkpoints/last.ckpt"):
        for trust in ("ownnet", "ownnet.deep", "ownnet.deep.Net"):
            loaded = load_encoder(source, trust=trust)
            assert (loaded.name, loaded.embed_dim) == ("Net", 8)
    assert loaded.embed(torch.zeros(9000), 16_000).shape == (1, 8)


def test_it_is_evaluated_and_shared(artefact: Path, tmp_path: Path):
    assert check_extractor(EncoderExtractor(artefact, trust="ownnet", device="cpu"), BRIEF) == 8
    with pytest.raises(SystemExit, match="--trust"):
        share([str(artefact), "--out", str(tmp_path / "shared"), "--license", "mit"])
    share(
        [str(artefact), "--out", str(tmp_path / "shared"), "--license", "mit", "--trust", "ownnet"]
    )
    shared = EncoderExtractor(tmp_path / "shared", trust="ownnet", device="cpu")
    waveform = np.random.default_rng(0).normal(0, 0.1, 9000).astype(np.float32)
    first = EncoderExtractor(artefact, trust="ownnet", device="cpu").fit([waveform])
    assert np.array_equal(first.transform([waveform]), shared.fit([waveform]).transform([waveform]))


def test_code_that_changed_or_is_gone_is_named(artefact: Path, tmp_path: Path):
    code = tmp_path / "ownnet/deep.py"
    code.write_text(CODE.replace("class Net", "class Other"))
    with pytest.raises(CheckpointError, match=r"ownnet\.deep\.Net can't be imported .*PYTHONPATH"):
        load_encoder(artefact, trust="ownnet")
    forget()
    code.write_text(CODE.replace("nn.Conv2d(1, width, 3, 2)", "nn.Conv2d(1, width, 5, 2)"))
    with pytest.raises(CheckpointError, match="weights don't fit Net"):
        load_encoder(artefact, trust="ownnet")


class Bare(nn.Module):
    """Without what an encoder needs."""

    def forward(self, log_mel):
        return log_mel


def test_what_an_encoder_lacks_is_said_at_once():
    with pytest.raises(ValueError, match="lacks embed_dim, min_frames, arguments; an encoder has"):
        encoder_spec(Bare(), LogMel())

    class Local(Bare):
        pass

    with pytest.raises(ValueError, match="names its class by import path"):
        encoder_spec(Local(), LogMel())
    bare = Bare()
    bare.embed_dim, bare.min_frames, bare.arguments = 3, 1, {"activation": nn.ReLU()}
    with pytest.raises(ValueError, match="aren't plain numbers"):
        encoder_spec(bare, LogMel())
