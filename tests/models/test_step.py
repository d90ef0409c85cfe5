"""The training step: what it may not wait for, what is equal in one pass, what a compiler does."""

import logging
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from models.augmentations import Mixup, RandomResizeCrop, TwoViews
from models.byol import BYOL
from models.compute.compiling import CompilerError, compile_parts
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


class Apart(nn.Module):
    """An encoder whose clips don't know of each other."""

    embed_dim = 6

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 6, 5, 2), nn.GroupNorm(2, 6), nn.GELU())

    def forward(self, log_mel):
        return self.layers(log_mel).mean(dim=(2, 3))


def test_one_pass_for_both_views_where_that_changes_nothing():
    v, v2 = torch.randn(2, 4, 1, 64, 96)
    outputs, gradients = [], []
    for joint_views in ("auto", False):
        torch.manual_seed(1)
        byol = BYOL(Apart(), 16, 32, joint_views=joint_views)
        assert byol.joint_views == (joint_views == "auto")
        outputs.append(byol(v, v2))
        outputs[-1].loss.backward()
        gradients.append([p.grad for p in byol.parameters() if p.requires_grad])
    torch.testing.assert_close(outputs[0].loss, outputs[1].loss)
    torch.testing.assert_close(outputs[0].embedding, outputs[1].embedding)
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ENCODERS)
def test_batch_norm_keeps_the_views_of_the_papers_encoders_apart(name: str):
    architecture, arguments = ENCODERS[name]
    assert not BYOL(architecture(**arguments), 16, 32).joint_views
    assert BYOL(architecture(**arguments), 16, 32, joint_views=True).joint_views


def test_dropout_keeps_the_views_apart():
    encoder = Apart()
    encoder.layers.append(nn.Dropout2d(0.1))
    assert not BYOL(encoder, 16, 32).joint_views


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


def test_compile_choices():
    parts = (nn.Identity(), nn.Identity())
    cpu = torch.device("cpu")
    assert compile_parts("auto", cpu, *parts) == compile_parts(False, cpu, *parts) == parts
    with pytest.raises(ValueError, match=r"module\.compile=fast: expected true, false, auto or"):
        compile_parts("fast", cpu, *parts)
    with pytest.raises(ValueError, match=r"module\.joint_views=both: expected true, false or auto"):
        BYOL(Apart(), 16, 32, joint_views="both")


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """auto goes on without, and says so once; true is refused with the way out."""
    import torch._inductor.config as settings

    monkeypatch.setattr(settings.cpp, "cxx", (None, "/no/such/compiler"))
    monkeypatch.setattr(settings, "force_disable_caches", True)
    calls = []

    class Part(nn.Module):
        def forward(self, x):
            if not torch.compiler.is_compiling():
                calls.append(1)
            return (2 * x).sin()

    x = torch.randn(3)
    gpu = torch.device("cuda")  # where auto compiles; what runs is on the CPU
    (part,) = compile_parts("auto", gpu, Part())
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert torch.equal(part(x), (2 * x).sin())
    assert len(calls) == 2
    told = [record for record in caplog.records if record.name == "models.compute.compiling"]
    assert ["going on without torch.compile" in record.getMessage() for record in told] == [True]
    (part,) = compile_parts(True, gpu, Part())
    with pytest.raises(CompilerError, match=r"install a C\+\+ compiler .* module\.compile=false"):
        part(x)
