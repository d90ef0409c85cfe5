"""Speed and gain as they are heard afterwards."""

import pytest
import torch

from models.hybrid.contours import PITCH_RANGE, Contours
from models.hybrid.perturb import Perturb, resampled

RATE = 16_000


def tone(hertz: float, seconds: float = 2.0) -> torch.Tensor:
    time = torch.arange(int(RATE * seconds)) / RATE
    return 0.1 * sum(torch.sin(2 * torch.pi * hertz * k * time) / k for k in range(1, 9))


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.37])
def test_speed_moves_pitch(speed: float):
    found = Contours(RATE)(resampled(tone(150)[None], speed))
    heard = PITCH_RANGE[0] * 2 ** (found.voiced_only[0, 0, 20:-20].median() / 12)
    assert heard == pytest.approx(150 * speed, rel=0.015)


def test_lengths_and_levels():
    torch.manual_seed(0)
    waveform = tone(150).repeat(16, 1)
    perturb = Perturb((0.8, 1.4), gain=10.0, groups=4)
    played = perturb(waveform)
    assert played.shape == (16, perturb.samples(waveform.shape[-1])) == (16, 22_720)
    change = 10 * (played.square().mean(-1) / waveform[0].square().mean()).log10()
    assert change.abs().max() < 10.2
    assert change.max() - change.min() > 6
    assert perturb(waveform / waveform.abs().max()).abs().max() <= 1.01  # never over full scale
    assert not perturb(torch.zeros(4, RATE)).any()


def test_a_seed_fixes_it():
    played = []
    for _ in range(2):
        torch.manual_seed(3)
        played.append(Perturb()(tone(150).repeat(8, 1)))
    assert torch.equal(*played)


@pytest.mark.parametrize("wrong", [{"speed": (1.2, 0.9)}, {"speed": (0.0, 1.0)}, {"groups": 0}])
def test_refused(wrong: dict):
    with pytest.raises(ValueError, match=r"module\.perturb\."):
        Perturb(**wrong)
