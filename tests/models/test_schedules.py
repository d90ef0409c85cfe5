"""Schedules against their formulas, in a real fit, and in one that is cut and continued."""

from math import cos, pi
from pathlib import Path

import pytest
import torch

from models.schedules import Schedule
from tests.support.fits import Waveforms, fit, module


def test_nothing_changes_by_default():
    schedule = Schedule()
    assert schedule.constant
    assert {schedule.tau(0.99, step, 100) for step in range(100)} == {0.99}
    assert {schedule.lr_factor(step, 100) for step in range(100)} == {1.0}


def test_formulas():
    schedule = Schedule(warmup=0.1, decay="cosine", tau_end=1.0)
    factors = [schedule.lr_factor(step, 100) for step in range(101)]
    assert factors[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert factors[10:] == pytest.approx([(1 + cos(pi * s / 90)) / 2 for s in range(91)])
    for step in (0, 37, 100):
        expected = 1 - (1 - 0.99) * (cos(pi * step / 100) + 1) / 2  # BYOL, section 3.3
        assert schedule.tau(0.99, step, 100) == pytest.approx(expected)
    rising = Schedule(warmup=0.5)
    assert rising.lr_factor(99, 100) == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"warmup": 1.0}, r"schedule\.warmup=1\.0: expected a share"),
        ({"decay": "step"}, r"schedule\.decay=step: expected one of none, cosine"),
        ({"tau_end": 1.1}, r"schedule\.tau_end=1\.1: expected a number from 0 to 1"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Schedule(**arguments)


def test_a_continued_run_has_the_schedule_of_an_undisturbed_one(tmp_path: Path):
    """8 steps: tau and learning rate end where the formulas do; weights are equal bit for bit."""
    schedule = Schedule(warmup=0.25, decay="cosine", tau_end=1.0)

    def build():
        return module(schedule=schedule)

    whole = build()
    trainer = fit(whole, Waveforms(16), tmp_path / "whole")
    assert trainer.global_step == 8
    assert whole.byol.tau == pytest.approx(schedule.tau(0.99, 7, 8))
    (group,) = trainer.optimizers[0].param_groups
    assert group["lr"] == pytest.approx(1e-3 * schedule.lr_factor(8, 8), abs=1e-12)

    class Cut(Exception):
        pass

    cut = build()
    step = cut.training_step

    def until_the_second_epoch(batch, batch_idx):
        if cut.global_step == 4:
            raise Cut
        return step(batch, batch_idx)

    cut.training_step = until_the_second_epoch
    with pytest.raises(Cut):
        fit(cut, Waveforms(16), tmp_path / "cut")
    going_on = build()
    last = tmp_path / "cut/checkpoints/last.ckpt"
    fit(going_on, Waveforms(16), tmp_path / "cut", resume_from=last)
    for key, value in whole.state_dict().items():
        assert torch.equal(going_on.state_dict()[key], value), key


def test_a_schedule_needs_an_end(tmp_path: Path):
    with pytest.raises(ValueError, match=r"a schedule needs an end; set trainer\.max_epochs"):
        fit(module(schedule=Schedule(tau_end=1.0)), Waveforms(), tmp_path, max_epochs=-1)
