"""Contours of signals whose pitch, level and spectrum are known."""

import pytest
import torch
from torch import Tensor

from models.hybrid.contours import EVERYWHERE, PITCH_RANGE, VOICED_ONLY, Contours, ContoursOutput

RATE = 16_000
INNER = slice(8, -8)
"""Frames that no edge of the signal reaches."""


def harmonic(pitch: Tensor, fall: float = 1.0) -> Tensor:
    """Harmonics below 4 kHz of a pitch in Hz (S,), the kth of amplitude k ** -fall."""
    phase = 2 * torch.pi * torch.cumsum(pitch.double(), 0) / RATE
    numbers = range(1, int(4000 / float(pitch.max())) + 1)
    return (0.1 * sum(torch.sin(k * phase) / k**fall for k in numbers)).float()


def contours(waveform: Tensor) -> ContoursOutput:
    return Contours(RATE)(waveform[None])


def everywhere(found: ContoursOutput, name: str) -> Tensor:
    return found.everywhere[0, EVERYWHERE.index(name), INNER]


def voiced_only(found: ContoursOutput, name: str) -> Tensor:
    return found.voiced_only[0, VOICED_ONLY.index(name), INNER]


@pytest.mark.parametrize("hertz", [70.0, 100.0, 123.4, 220.0, 311.1, 440.0, 490.0])
@pytest.mark.parametrize("kind", ["sine", "harmonics"])
def test_pitch_of_a_steady_tone(hertz: float, kind: str):
    pitch = torch.full((RATE,), hertz)
    found = contours(harmonic(pitch) if kind == "harmonics" else harmonic(pitch, fall=30.0))
    assert found.voiced[0, INNER].all()
    heard = PITCH_RANGE[0] * 2 ** (voiced_only(found, "pitch") / 12)
    torch.testing.assert_close(heard, torch.full_like(heard, hertz), rtol=0.01, atol=0)


def test_pitch_follows_a_glide():
    pitch = torch.linspace(100, 300, 2 * RATE)
    found = contours(harmonic(pitch))
    expected = 12 * torch.log2(pitch[::160] / PITCH_RANGE[0])
    heard = voiced_only(found, "pitch")
    torch.testing.assert_close(heard, expected[8 : 8 + len(heard)], rtol=0, atol=0.5)


def test_white_noise_and_silence_are_unvoiced():
    torch.manual_seed(0)
    found = contours(0.1 * torch.randn(2 * RATE))
    assert found.voiced.float().mean() < 0.02
    silent = contours(torch.zeros(RATE))
    assert not silent.voiced.any()
    for part in silent.everywhere, silent.voiced_only:
        assert torch.isfinite(part).all()


def test_level_and_that_nothing_else_depends_on_it():
    pitch = torch.full((RATE,), 150.0)
    tone = harmonic(pitch) + 1e-3 * torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    loud, soft = contours(tone), contours(0.1 * tone)
    difference = everywhere(loud, "level") - everywhere(soft, "level")
    torch.testing.assert_close(difference, torch.full_like(difference, 20.0), atol=1e-2, rtol=0)
    rms = 10 * tone.square().mean().log10()
    torch.testing.assert_close(everywhere(loud, "level").mean(), rms, atol=0.3, rtol=0)
    torch.testing.assert_close(loud.everywhere[:, 1:], soft.everywhere[:, 1:], atol=0.05, rtol=1e-3)
    torch.testing.assert_close(
        voiced_only(loud, "pitch"), voiced_only(soft, "pitch"), atol=1e-3, rtol=0
    )


def test_spectral_shape_of_dark_and_bright():
    pitch = torch.full((RATE,), 150.0)
    dark, bright = contours(harmonic(pitch, 2.0)), contours(harmonic(pitch, 0.5))
    for name in ("centroid", "spread", "alpha_ratio", "slope"):
        assert (everywhere(bright, name) > everywhere(dark, name)).all(), name
    assert (everywhere(bright, "hammarberg") < everywhere(dark, "hammarberg")).all()
    expected = torch.full_like(voiced_only(dark, "h1_h2"), 20 * 2 * torch.tensor(2.0).log10())
    torch.testing.assert_close(voiced_only(dark, "h1_h2"), expected, atol=0.5, rtol=0)


def test_centroid_of_a_sine_and_flatness_of_noise():
    torch.manual_seed(0)
    sine = contours(0.1 * torch.sin(2 * torch.pi * 1000 * torch.arange(RATE) / RATE))
    centroid = everywhere(sine, "centroid")
    torch.testing.assert_close(centroid, torch.full_like(centroid, 1.0), atol=0.01, rtol=0)
    noise = contours(0.1 * torch.randn(RATE))
    assert everywhere(noise, "flatness").mean() > everywhere(sine, "flatness").mean() + 20
    assert everywhere(noise, "flux").mean() > everywhere(sine, "flux").mean() + 1


def test_a_clip_does_not_depend_on_its_batch():
    torch.manual_seed(0)
    batch = torch.stack([harmonic(torch.full((RATE,), 120.0)), 0.1 * torch.randn(RATE)])
    together = Contours(RATE)(batch)
    for row, waveform in enumerate(batch):
        alone = contours(waveform)
        torch.testing.assert_close(together.everywhere[row], alone.everywhere[0])
        assert torch.equal(together.voiced[row], alone.voiced[0])
