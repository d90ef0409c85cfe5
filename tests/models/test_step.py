"""The training step: what it may not wait for, and what one step is."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from models.audio_ntt import convolve
from models.augmentations import Mixup, RandomResizeCrop, TwoViews
from models.byol import BYOL
from models.cvt import ChannelNorm
from models.encoders import ENCODERS
from models.pretraining import to_float
from models.training.throughput import Throughput
from tests.support.fits import Waveforms, fit, module

WAITING = {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::is_nonzero"}
"""Operators whose result the host needs before it can go on."""


class Waits(TorchDispatchMode):
    """Counts them."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function.name().split(".")[0] in WAITING
        return function(*args, **(kwargs or {}))


class WaitsOfSteps(Callback):
    """Waits between the ends of two batches: those of a whole round of the loop."""

    def __init__(self, waits: Waits):
        self.waits, self.of_steps = waits, []

    def on_train_batch_end(self, *arguments) -> None:
        self.of_steps.append(self.waits.count)
        self.waits.count = 0


def test_a_step_waits_for_the_device_only_where_it_is_logged(tmp_path: Path):
    """Everything a user has around it: progress bar, logger, throughput. Every fourth is logged."""
    waits = Waits()
    steps = WaitsOfSteps(waits)
    model = module()
    # as conf/optimizer has it: the other kinds keep their step counts on the host, and read them
    model.make_optimizer = lambda parameters: torch.optim.AdamW(parameters, fused=True)
    trainer = Trainer(
        default_root_dir=tmp_path, accelerator="cpu", max_epochs=1, log_every_n_steps=4,
        enable_model_summary=False, enable_checkpointing=False,
        callbacks=[TQDMProgressBar(4), Throughput(), steps],
    )  # fmt: skip
    with waits:
        trainer.fit(model, DataLoader(Waveforms(48), batch_size=4))
    # the last batch of a window is logged after its end, so its reads count for the next one
    assert len(steps.of_steps) == 12
    quiet = [n for index, n in enumerate(steps.of_steps) if index % 4 in (1, 2)]
    loud = [n for index, n in enumerate(steps.of_steps) if index % 4 == 3]
    assert min(loud) > PROGRESS_BAR, "the counter counts"
    assert max(quiet) <= PROGRESS_BAR, steps.of_steps


PROGRESS_BAR = 3
"""Reads of the three numbers that it shows, which lie on the CPU."""


def test_shards_samples_are_converted_on_the_device():
    samples = torch.tensor([[-32768, 0, 16384]], dtype=torch.int16)
    assert torch.equal(to_float(samples), torch.tensor([[-1.0, 0.0, 0.5]]))
    waveform = torch.rand(2, 5)
    assert to_float(waveform) is waveform


def test_accumulated_batches_make_one_step(tmp_path: Path):
    """4 batches, 2 steps: the learning rate, the target and the logger count steps."""
    model = module()
    updates = []
    update = model.byol.update_target
    model.byol.update_target = lambda: (updates.append(model.global_step), update())
    trainer = fit(
        model, Waveforms(16), tmp_path, max_epochs=1, accumulate_grad_batches=2,
    )  # fmt: skip
    assert (trainer.global_step, len(updates)) == (2, 2)
    assert model.views.mixup.seen == 16  # each batch is one of the recipe: views, norms, memory
    assert model.views.pre_norm.clips == 16


@pytest.mark.parametrize("name", ["audio_ntt_512", "cvt_small"])
def test_bf16_and_fp32_agree_in_the_front_end_and_the_views(name: str):
    architecture, arguments = ENCODERS[name]
    views = TwoViews(Mixup(memory_size=8), RandomResizeCrop())
    byol = BYOL(architecture(**arguments), 16, 32)
    log_mel = torch.randn(4, 1, 64, 96)
    with torch.autocast("cpu", torch.bfloat16):
        v, v2 = views(log_mel)
        loss = byol(v, v2).loss
    assert v.dtype == v2.dtype == loss.dtype == torch.float32
    assert views.mixup.memory.dtype == torch.float32


@pytest.mark.parametrize("name", ["audio_ntt_512", "audio_ntt_2022"])
def test_relu_behind_the_maximum_has_the_plain_orders_values_and_gradients(name: str):
    """To the bit, ties and negative maxima included; the names of the weights are the official."""
    architecture, arguments = ENCODERS[name]
    encoder = architecture(**arguments | {"dropout": 0.0})
    features = encoder.features
    assert list(features.state_dict())[:3] == ["0.weight", "0.bias", "1.weight"]
    log_mel = torch.randn(2, 1, 64, 24).round()  # rounded: equal values in one window
    plain = features(log_mel)
    ours, _ = convolve(features, log_mel, None)
    assert torch.equal(ours, plain)
    weight = torch.randn_like(plain)
    gradients = [
        torch.autograd.grad((output * weight).sum(), features.parameters())
        for output in (ours, plain)
    ]
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("channels", [3, 64])
def test_channel_norm_of_training_is_that_of_evaluation(channels: int):
    """Values and gradients, in float64 to rounding; silence (all channels equal) stays finite."""
    torch.manual_seed(0)
    norm = ChannelNorm(channels).double()
    nn.init.normal_(norm.g)
    nn.init.normal_(norm.b)
    x = torch.randn(2, channels, 4, 5, dtype=torch.float64) * 3 - 1
    x[0, :, :2] *= 1e-3  # here eps counts
    weight = torch.randn_like(x)
    found = []
    for training in (True, False):
        norm.train(training)
        leaf = x.clone().requires_grad_()
        normed = norm(leaf)
        gradients = torch.autograd.grad((normed * weight).sum(), [leaf, norm.g, norm.b])
        found.append((normed, *gradients))
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)
    silence = torch.ones(1, channels, 2, 2, dtype=torch.float64, requires_grad=True)
    norm.train()
    (gradient,) = torch.autograd.grad(norm(silence).square().sum(), silence)
    assert torch.isfinite(gradient).all()


def test_bf16_of_cvt_is_near_float32():
    """Attention, depthwise convolutions and norms, which stay float32, fit what is around them."""
    torch.manual_seed(0)
    architecture, arguments = ENCODERS["cvt_small"]
    encoder = architecture(**arguments)
    log_mel = torch.randn(4, 1, 64, 32)
    gradients = []
    for enabled in (False, True):
        encoder.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            embedding = encoder(log_mel)
        embedding.float().square().mean().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in encoder.parameters()]))
        assert all(p.grad.dtype == torch.float32 for p in encoder.parameters())
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.98
