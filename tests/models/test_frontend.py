"""The front end against a written-out oracle, and its two backends against each other."""

import numpy as np
import pytest
import torch

from models.frontend import EPS, LogMel
from tests.support.speech import voiced


def oracle(waveform: np.ndarray, win_length: int) -> np.ndarray:
    """Log-mel by the definition: framed FFT in float64 and HTK triangles."""
    n_fft, hop, n_mels = 1024, 160, 64
    window = np.zeros(n_fft)
    start = (n_fft - win_length) // 2
    window[start : start + win_length] = 0.5 - 0.5 * np.cos(
        2 * np.pi * np.arange(win_length) / win_length
    )
    padded = np.pad(waveform.astype(np.float64), n_fft // 2, mode="reflect")
    frames = np.stack([padded[i * hop : i * hop + n_fft] for i in range(len(waveform) // hop + 1)])
    power = np.abs(np.fft.rfft(frames * window)) ** 2

    def to_mel(hertz):
        return 2595 * np.log10(1 + np.asarray(hertz) / 700)

    corners = 700 * (10 ** (np.linspace(to_mel(60), to_mel(7800), n_mels + 2) / 2595) - 1)
    hertz = np.linspace(0, 8000, n_fft // 2 + 1)
    rising = (hertz - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    falling = (corners[2:, None] - hertz) / (corners[2:] - corners[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.log(triangles @ power.T + EPS)


@pytest.mark.parametrize("win_length", [400, 1024])
@pytest.mark.parametrize("backend", ["torchaudio", "nnaudio"])
def test_equals_the_definition(win_length: int, backend: str):
    waveform = voiced(0.95, 16_000, 3)
    log_mel = LogMel(win_length=win_length, backend=backend)(torch.from_numpy(waveform)[None])
    assert log_mel.shape == (1, 1, 64, 96)
    expected = oracle(waveform, win_length)
    np.testing.assert_allclose(log_mel[0, 0].numpy(), expected, atol=2e-3)


def test_backends_agree_in_batches():
    waveform = torch.stack([torch.from_numpy(voiced(2.0, 16_000, seed)) for seed in range(3)])
    ours, theirs = LogMel()(waveform), LogMel(backend="nnaudio")(waveform)
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)
    torch.testing.assert_close(ours[1:2], LogMel()(waveform[1:2]))


@pytest.mark.parametrize("samples", [1, 100, 512, 513, 15_200])
def test_any_length(samples: int):
    assert torch.isfinite(LogMel()(torch.randn(2, samples))).all()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"win_length=2048 exceeds n_fft=1024"):
        LogMel(win_length=2048)
    with pytest.raises(ValueError, match=r"backend=librosa: expected one of torchaudio, nnaudio"):
        LogMel(backend="librosa")


@pytest.mark.parametrize("win_length", [400, 1024])
@pytest.mark.parametrize(("clips", "samples"), [(17, 15_200), (1, 160_000), (2, 100)])
def test_of_crops_equals_the_exact_one(win_length: int, clips: int, samples: int):
    """Whole and broken chunks, silence and noise; a crop is what it is alone."""
    torch.manual_seed(0)
    waveform = torch.randn(clips, samples) * torch.logspace(-6, 0, clips)[:, None]
    waveform[0] *= 0 if clips > 1 else 1
    log_mel = LogMel(win_length=win_length)
    with torch.autocast("cpu", torch.bfloat16):
        quick = log_mel.of_crops(waveform)
    torch.testing.assert_close(quick, log_mel(waveform), atol=1e-5, rtol=0)
    assert torch.equal(quick[-1:], log_mel.of_crops(waveform[-1:]))


@pytest.mark.filterwarnings("ignore:At least one mel filterbank")
def test_of_crops_by_convolution_and_with_bands_that_touch_no_bin():
    waveform = torch.from_numpy(voiced(0.95, 16_000, 3))[None]
    for log_mel in (LogMel(backend="nnaudio"), LogMel(n_fft=128, win_length=128, n_mels=100)):
        torch.testing.assert_close(log_mel.of_crops(waveform), log_mel(waveform), atol=1e-5, rtol=0)
