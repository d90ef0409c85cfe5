"""A run that starts from given weights: what is taken over, what is refused, what is told."""

from pathlib import Path

import pytest
import torch

from models.audio_ntt import AudioNTT
from models.checkpoint import load_encoder
from models.encoders import encoder_spec
from models.files import CheckpointError
from models.frontend import LogMel
from models.initial import start_from
from models.pretraining import BYOLPretraining
from tests.support.fits import Waveforms, fit, module


def trained(folder: Path) -> BYOLPretraining:
    model = module()
    fit(model, Waveforms(), folder)
    model.export_encoder(folder / "encoder.safetensors")
    return model


def test_an_artefact_gives_encoder_and_target(tmp_path: Path):
    ancestor, model = trained(tmp_path), module()
    start_from(model, tmp_path / "encoder.safetensors")
    for network in (model.byol.encoder, model.byol.target_encoder):
        for key, value in ancestor.byol.encoder.state_dict().items():
            assert torch.equal(network.state_dict()[key], value)
    assert model.ancestor["init_heads"] == []
    assert model.norm == module().norm  # estimated anew
    model.export_encoder(tmp_path / "new.safetensors", {"seed": 1})
    about = load_encoder(tmp_path / "new.safetensors").about
    assert about["init"] == str(tmp_path / "encoder.safetensors")
    assert about["seed"] == 1


def test_a_checkpoint_gives_heads_too_and_the_norm_is_kept_over_a_restart(tmp_path: Path):
    ancestor, model = trained(tmp_path / "old"), module()
    (path,) = (tmp_path / "old").rglob("last.ckpt")
    start_from(model, path, norm="keep")
    assert model.ancestor["init_heads"] == [
        "projector",
        "predictor",
        "target_projector",
        "target_encoder",
    ]
    assert torch.equal(model.byol.predictor[0].weight, ancestor.byol.predictor[0].weight)
    kept = model.norm
    assert kept == pytest.approx(ancestor.norm)
    fit(model, Waveforms(), tmp_path / "new", max_epochs=1)
    (again,) = (tmp_path / "new").rglob("last.ckpt")
    resumed = module()
    fit(resumed, Waveforms(), tmp_path / "new", resume_from=again, max_epochs=2)
    assert resumed.norm == kept
    assert resumed.ancestor == model.ancestor


def test_from_official_weights(official_weights: Path):
    def fresh(encoder: AudioNTT, **frontend) -> BYOLPretraining:
        made = module()
        return BYOLPretraining(
            encoder, LogMel(**frontend), made.views, made.make_optimizer, hidden_dim=16
        )

    model = fresh(AudioNTT(512))
    start_from(model, official_weights)
    official = load_encoder(official_weights).encoder.state_dict()
    assert torch.equal(model.byol.encoder.state_dict()["fc.3.weight"], official["fc.3.weight"])
    with pytest.raises(CheckpointError, match=r"embed_dim 1024 \(there 512\)"):
        start_from(fresh(AudioNTT(1024)), official_weights)
    with pytest.raises(CheckpointError, match=r"win_length 1024 \(there 400\)"):
        start_from(fresh(AudioNTT(512), win_length=1024), official_weights)
    with pytest.raises(CheckpointError, match="set init_norm=estimate"):
        start_from(fresh(AudioNTT(512)), official_weights, norm="keep")
    with pytest.raises(ValueError, match="init_norm=both: expected one of keep, estimate"):
        start_from(model, official_weights, norm="both")


def test_a_change_of_dropout_alone_is_allowed(tmp_path: Path):
    trained(tmp_path)
    model = module()
    model.spec = encoder_spec(AudioNTT(32, channels=4, dropout=0.3), LogMel())
    start_from(model, tmp_path / "encoder.safetensors")
