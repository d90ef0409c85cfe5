"""Statistics against numpy, and descriptors of signals whose values are known."""

import numpy as np
import torch

from models.hybrid.descriptors import NAMES, STATISTICS, Descriptors, statistics

RATE = 16_000


def described(waveform: torch.Tensor) -> dict[str, float]:
    return dict(zip(NAMES, Descriptors(RATE)(waveform[None])[0].tolist(), strict=True))


def test_names_fit_the_vector():
    torch.manual_seed(0)
    values = Descriptors(RATE)(0.1 * torch.randn(3, RATE))
    assert values.shape == (3, len(NAMES))
    assert len(set(NAMES)) == len(NAMES)
    assert torch.isfinite(values).all()


def test_statistics_of_the_kept_frames():
    generator = np.random.default_rng(0)
    contour, kept = generator.normal(size=101), generator.random(101) < 0.6
    found = statistics(torch.tensor(contour)[None, None], torch.tensor(kept)[None])[0].numpy()
    mine = contour[kept]
    place = np.flatnonzero(kept) / 100
    both = kept[1:] & kept[:-1]
    expected = [
        mine.mean(),
        mine.std(),
        *(np.sort(mine)[round((len(mine) - 1) * share)] for share in (0.1, 0.5, 0.9)),
        np.abs(np.diff(contour))[both].mean(),
        np.polyfit(place, mine, 1)[0],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert len(STATISTICS) == len(expected)


def test_under_two_frames_give_zeros():
    kept = torch.zeros(1, 50, dtype=torch.bool)
    kept[0, 20] = True
    assert not statistics(torch.randn(1, 3, 50), kept).any()


def test_rising_pitch_and_its_range():
    pitch = 100 * 2 ** torch.linspace(0, 1, 2 * RATE)  # an octave in two seconds
    phase = 2 * torch.pi * torch.cumsum(pitch.double(), 0) / RATE
    found = described((0.1 * sum(torch.sin(k * phase) / k for k in range(1, 9))).float())
    assert abs(found["pitch_trend"] - 6) < 0.2
    assert abs(found["pitch_p90"] - found["pitch_p10"] - 0.8 * 12) < 0.3
    assert abs(found["pitch_std"] - 12 / np.sqrt(12)) < 0.15
    assert found["voiced_share"] > 0.95
    assert found["voiced_onsets"] <= 0.5


def test_syllables_a_second():
    time = torch.arange(2 * RATE) / RATE
    tone = 0.1 * sum(torch.sin(2 * torch.pi * 150 * k * time) / k for k in range(1, 9))
    found = described(tone * (torch.sin(2 * torch.pi * 4 * time) < 0))
    assert abs(found["voiced_onsets"] - 4) <= 0.1
    assert 0.4 < found["voiced_share"] < 0.7
    bands = [found[name] for name in NAMES if name.startswith("modulation")]
    assert np.argmax(bands) == 1  # 3 to 6 Hz


def test_noise_has_no_voice():
    torch.manual_seed(0)
    found = described(0.1 * torch.randn(RATE))
    assert found["voiced_share"] < 0.05
    assert abs(found["level_mean"] + 20) < 0.5
