"""The training module's hooks in real fits: alarm, norm freeze, broken loss, optimizer order."""

import warnings
from pathlib import Path

import pytest
import torch

from models.augmentations import TwoViews
from models.pretraining import CollapseWarning, batch_seed
from tests.support.fits import Waveforms, fit, module


def test_collapse_alarm(tmp_path: Path):
    with pytest.warns(CollapseWarning, match=r"embedding std 0\.0000 is below"):
        fit(module(TwoViews()), Waveforms(constant=True), tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        fit(module(), Waveforms(), tmp_path / "healthy")


def test_silence_alone_ends_in_a_sentence(tmp_path: Path):
    data = Waveforms(12)
    data.waveforms[:] = 0
    with pytest.raises(ValueError, match="epoch 0: every crop so far is digital silence"):
        fit(module(), data, tmp_path)
    data.waveforms[8:] = Waveforms(12).waveforms[8:]
    fit(module(), data, tmp_path / "some speech")


def test_loss_falls(tmp_path: Path):
    model, data = module(lr=3e-3), Waveforms()
    losses = []
    for _ in range(2):
        trainer = fit(model, data, tmp_path, max_epochs=8)
        losses.append(float(trainer.callback_metrics["loss_epoch"]))
    assert losses[1] < losses[0]


def test_norm_is_frozen_after_its_epochs(tmp_path: Path):
    model = module(norm_epochs=1)
    fit(model, Waveforms(12), tmp_path, max_epochs=3)
    assert model.views.pre_norm.clips == 12
    waveforms = Waveforms(12).waveforms
    log_mel = model.frontend(waveforms)
    torch.testing.assert_close(torch.tensor(model.norm[0]), log_mel.mean(), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.tensor(model.norm[1]), log_mel.std(), atol=1e-3, rtol=0)


def test_target_moves_after_the_optimizer(tmp_path: Path):
    """One step by hand: theta first, then xi = tau xi + (1 - tau) theta with the new theta."""
    model = module(tau=0.5)
    before = model.byol.target_encoder.fc[0].weight.clone()
    fit(model, Waveforms(4), tmp_path, max_epochs=1)
    online = model.byol.encoder.fc[0].weight
    assert not torch.equal(online, before)
    torch.testing.assert_close(
        model.byol.target_encoder.fc[0].weight, 0.5 * before + 0.5 * online.detach()
    )


def test_accumulated_gradients_move_the_target_once(tmp_path: Path):
    model = module()
    moves = []
    model.byol.update_target = lambda: moves.append(1)
    fit(model, Waveforms(16), tmp_path, max_epochs=1, accumulate_grad_batches=2)
    assert len(moves) == 2


def test_a_broken_loss_stops_and_keeps_the_last_good_checkpoint(tmp_path: Path):
    data = Waveforms(12)
    data.waveforms[8:] = float("nan")
    with pytest.raises(ValueError, match="the loss is nan; the last good checkpoint is kept"):
        fit(module(), data, tmp_path, max_epochs=1)
    saved = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)
    assert saved["global_step"] == 2
    assert all(
        torch.isfinite(v).all() for v in saved["state_dict"].values() if v.is_floating_point()
    )


def test_batch_seeds_differ():
    seeds = {batch_seed(s, r, e, b) for s in (1, 2) for r in (0, 1) for e in (0, 1) for b in (0, 1)}
    assert len(seeds) == 16
    assert batch_seed(42, 0, 0, 0) == batch_seed(42, 0, 0, 0) < 2**63
