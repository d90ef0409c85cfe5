"""The resampler equals resampy with the published filter, at every rate and length."""

from functools import partial

import numpy as np
import pytest
import resampy
from scipy.signal.windows import kaiser

from serab.embed import resampling
from serab.embed.resampling import kaiser_best


def oracle(waveform: np.ndarray, rate: int, target: int) -> np.ndarray:
    return resampy.resample(
        waveform.astype(np.float64),
        rate,
        target,
        filter="sinc_window",
        num_zeros=resampling.ZEROS,
        precision=9,
        rolloff=resampling.ROLLOFF,
        window=partial(kaiser, beta=resampling.BETA),
    )


@pytest.mark.parametrize("rate", [48_000, 44_100, 32_000, 22_050, 11_025, 8_000, 96_000, 44_101])
@pytest.mark.parametrize("samples", [5_003, 30_000])
def test_equals_resampy(rate: int, samples: int):
    waveform = np.random.default_rng(rate).uniform(-1, 1, samples).astype(np.float32)
    expected = oracle(waveform, rate, 16_000)
    resampled = kaiser_best(waveform, rate, 16_000)
    assert resampled.dtype == np.float32
    assert resampled.shape == expected.shape
    assert np.abs(resampled - expected).max() < 2e-6


def test_long_recording_where_instants_round():
    """At 44.1 kHz some whole instants are rounded to just before them, the later the more."""
    waveform = np.random.default_rng(0).uniform(-1, 1, 44_100 * 20).astype(np.float32)
    assert (
        np.abs(kaiser_best(waveform, 44_100, 16_000) - oracle(waveform, 44_100, 16_000)).max()
        < 2e-6
    )


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 100])
def test_very_short(samples: int):
    waveform = np.ones(samples, np.float32)
    if samples < 3:
        with pytest.raises(ValueError, match="less than one at 16000 Hz"):
            kaiser_best(waveform, 48_000, 16_000)
    else:
        assert np.allclose(
            kaiser_best(waveform, 48_000, 16_000), oracle(waveform, 48_000, 16_000), atol=2e-6
        )
