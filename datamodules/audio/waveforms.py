"""What is done with a decoded waveform: another rate, another length."""

from __future__ import annotations

import numpy as np


def resample(waveform: np.ndarray, sample_rate: int, target_rate: int) -> np.ndarray:
    """Band-limited resampling (windowed sinc) of float32 (samples,) from and to rates in Hz."""
    if sample_rate == target_rate:
        return waveform
    import torch  # seconds to import, and most who read audio need no other rate
    from torchaudio.functional import resample as sinc_resample

    return sinc_resample(torch.from_numpy(waveform), sample_rate, target_rate).numpy()


def fit_length(waveform: np.ndarray, length: int) -> np.ndarray:
    """Cut (samples,) to `length`, or pad it with zeros on both ends, the odd one at the end."""
    missing = length - len(waveform)
    if missing <= 0:
        return waveform[:length]
    return np.pad(waveform, (missing // 2, missing - missing // 2))
