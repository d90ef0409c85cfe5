"""The hybrid's step in real fits: both losses reach the encoder, a resumed run is the same run."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer
from torch.nn.functional import smooth_l1_loss
from torch.utils.data import DataLoader, Dataset

from models.audio_ntt import AudioNTT
from models.augmentations import Mixup, RandomResizeCrop
from models.frontend import LogMel
from models.hybrid.descriptors import NAMES, Descriptors
from models.hybrid.perturb import Perturb
from models.hybrid.pretraining import HybridPretraining
from models.hybrid.regression import LIMIT, DescriptorHead, RunningColumns
from models.hybrid.views import PlainAndView
from models.training.resume import AtomicCheckpointIO, LastCheckpoint


class Voices(Dataset):
    """Tones of several pitches, levels and tilts, with a little noise."""

    def __init__(self, size: int = 16):
        generator = torch.Generator().manual_seed(0)
        time = torch.arange(22_400) / 16_000
        pitch, level, fall = (torch.rand(3, size, 1, generator=generator) + 0.3).unbind(0)
        tones = sum(torch.sin(2 * torch.pi * 200 * pitch * k * time) / k**fall for k in range(1, 8))
        noise = torch.randn(size, len(time), generator=generator)
        self.waveforms = 0.1 * level * tones + 0.003 * noise

    def __len__(self):
        return len(self.waveforms)

    def __getitem__(self, index):
        return {"waveform": self.waveforms[index], "unreadable": 0}


def module(lr: float = 1e-3, **arguments) -> HybridPretraining:
    torch.manual_seed(0)
    return HybridPretraining(
        encoder=AudioNTT(32, channels=4, dropout=0.0),
        frontend=LogMel(),
        views=PlainAndView(Mixup(memory_size=16, frames=101), RandomResizeCrop()),
        optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=lr),
        projector_dim=8,
        hidden_dim=16,
        perturb=Perturb(groups=2),
        **arguments,
    )


def fit(
    model: HybridPretraining, folder: Path, resume_from: Path | None = None, **arguments
) -> Trainer:
    trainer = Trainer(
        default_root_dir=folder, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, log_every_n_steps=1, plugins=[AtomicCheckpointIO()],
        **{"callbacks": [LastCheckpoint(folder, 0.0)], "max_epochs": 2, **arguments},
    )  # fmt: skip
    trainer.fit(model, DataLoader(Voices(), batch_size=4), ckpt_path=resume_from, weights_only=True)
    return trainer


def test_both_losses_reach_the_encoder_and_only_it(tmp_path: Path):
    for weight in (0.0, 1.0):
        model = module(descriptor_weight=weight)
        model._trainer = Trainer(logger=False, accelerator="cpu", log_every_n_steps=0)
        model.step(Voices().waveforms).loss.backward()
        assert model.byol.encoder.features[0].weight.grad.abs().sum() > 0
        assert model.byol.predictor[0].weight.grad.abs().sum() > 0
        reached = model.descriptor_head.linear.weight.grad
        assert (reached.abs().sum() > 0) == (weight > 0)
        assert all(p.grad is None for p in model.byol.target_encoder.parameters())


def test_descriptors_are_learnt():
    """By 40 steps of the regression alone, better than naming each descriptor's mean."""
    torch.manual_seed(0)
    encoder, head = AudioNTT(32, channels=4, dropout=0.0), DescriptorHead(32, len(NAMES))
    waveforms = Voices().waveforms[:, :8_000]
    log_mel, described = (LogMel()(waveforms) + 8) / 4, Descriptors()(waveforms)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.linear.parameters()], lr=1e-2)
    for _ in range(40):
        loss = head(encoder(log_mel), described)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    targets = head.standardise(described)
    assert loss < 0.5 * smooth_l1_loss(torch.zeros_like(targets), targets)


def test_same_seed_same_run_and_resumed_equals_undisturbed(tmp_path: Path):
    whole, again, resumed = module(), module(), module()
    fit(whole, tmp_path / "whole")
    fit(again, tmp_path / "again")
    fit(module(), tmp_path / "part", max_epochs=1)
    fit(resumed, tmp_path / "rest", tmp_path / "part/checkpoints/last.ckpt")
    assert "descriptor_head.standardise.mean" in whole.state_dict()
    assert any(not torch.equal(v, module().state_dict()[k]) for k, v in whole.state_dict().items())
    for other in (again, resumed):
        for name, value in whole.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


def test_standardised_over_all_rows_seen():
    torch.manual_seed(0)
    rows = torch.randn(90, 5) * torch.tensor([1.0, 10.0, 0.1, 3.0, 0.0]) + 7
    columns = RunningColumns(5)
    for part in rows.split([20, 30, 40]):
        columns(part)
    columns.eval()
    torch.testing.assert_close(columns.mean, rows.mean(0))
    expected = (rows - rows.mean(0)) / rows.std(0, correction=0)
    torch.testing.assert_close(
        columns(rows)[:, :4], expected[:, :4].clamp(-LIMIT, LIMIT), atol=1e-4, rtol=1e-4
    )
    assert not columns(rows)[:, 4].any()
    assert columns.rows == 90


def test_targets_are_of_what_the_encoder_hears():
    """The head of a perturbed clip regresses that clip's descriptors, not the recording's."""
    model = module()
    model._trainer = Trainer(logger=False, accelerator="cpu", log_every_n_steps=0)
    seen = {}
    model.descriptor_head.register_forward_pre_hook(lambda _, inputs: seen.update(d=inputs[1]))
    of_crops = model.frontend.of_crops
    model.frontend.of_crops = lambda waveform: seen.update(w=waveform) or of_crops(waveform)
    model.step(Voices().waveforms)
    assert seen["w"].shape[-1] < Voices().waveforms.shape[-1]
    assert torch.equal(seen["d"], Descriptors()(seen["w"]))
    assert seen["d"].shape[-1] == len(NAMES)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loss_is_of_float32(dtype: torch.dtype):
    head = DescriptorHead(8, 3)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        assert head(torch.randn(4, 8), torch.randn(4, 3)).dtype == torch.float32


def test_regression_alone_trains_no_head_of_byol(tmp_path: Path):
    model = module(bootstrap=False)
    before = {name: value.clone() for name, value in model.byol.predictor.state_dict().items()}
    fit(model, tmp_path, max_epochs=1)
    assert all(
        torch.equal(value, before[k]) for k, value in model.byol.predictor.state_dict().items()
    )


def test_mixup_of_another_length_is_told():
    views = PlainAndView(Mixup(memory_size=4, frames=96))
    with pytest.raises(ValueError, match=r"augment\.mixup\.frames=96: clips have 101 frames"):
        views(torch.zeros(2, 1, 64, 101))


def test_the_first_view_is_the_clip_as_evaluation_sees_it():
    torch.manual_seed(0)
    views, log_mel = (
        PlainAndView(Mixup(memory_size=4), RandomResizeCrop()),
        torch.randn(3, 1, 64, 96),
    )
    for _ in range(2):  # the second time with a past to mix in
        plain, view = views(log_mel)
        torch.testing.assert_close(plain, (log_mel - views.pre_norm.mean) / views.pre_norm.std)
        assert (plain - view).abs().mean() > 0.1
