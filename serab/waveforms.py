"""Recordings as the released evaluation reads them; the resampler is part of the protocol."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from datamodules.audio import read_audio

VERSION = "int16/32767, resampy kaiser_best 0.2"
"""Names what `read_waveform` does, for cache keys: a change here is a change of embeddings."""


def read_waveform(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read a recording: 16-bit values over 32,767, channels averaged, then resampled.

    Args:
        path: of the recording.
        sample_rate: wanted, Hz.

    Returns:
        float32 (samples,).

    Raises:
        datamodules.audio.AudioError: a file that can't be used.
    """
    waveform, rate = read_audio(path)
    waveform = (waveform.astype(np.float64) * (32768 / 32767)).astype(np.float32)
    return waveform if rate == sample_rate else kaiser_best(waveform, rate, sample_rate)


def kaiser_best(waveform: np.ndarray, rate: int, target: int) -> np.ndarray:
    """The `kaiser_best` filter of resampy 0.2, with which the published scores were made.

    resampy has changed the filter since, and other resamplers move a cell of Table 3 by one to
    eighteen utterances.
    """
    import resampy
    from scipy.signal.windows import kaiser

    return resampy.resample(
        waveform,
        rate,
        target,
        filter="sinc_window",
        num_zeros=64,
        precision=9,
        rolloff=0.9475937167399596,
        window=partial(kaiser, beta=14.769656459379492),
    )
