"""Recordings as the released evaluation reads them; the resampler is part of the protocol."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from datamodules.audio import read_audio
from serab.cache_folder import AUDIO
from serab.embed.cache import Cache
from serab.embed.resampling import kaiser_best

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
    waveform, rate = _read(path)
    return waveform if rate == sample_rate else kaiser_best(waveform, rate, sample_rate)


def cached_waveform(path: Path, sha256: str, sample_rate: int, cache: Cache) -> np.ndarray:
    """`read_waveform`, kept for all extractors of that rate where it isn't read as fast anyway."""
    version = hashlib.sha256(VERSION.encode()).hexdigest()[:8]
    names = (AUDIO, f"{sample_rate}-{version}", sha256[:2], f"{sha256}.npy")
    kept = cache.use(*names)
    if kept is not None:
        return np.load(io.BytesIO(kept), allow_pickle=False)
    waveform, rate = _read(path)
    if rate == sample_rate and path.suffix.lower() == ".wav":
        return waveform
    if rate != sample_rate:
        waveform = kaiser_best(waveform, rate, sample_rate)
    buffer = io.BytesIO()
    np.save(buffer, waveform)
    cache.write(buffer.getvalue(), *names)
    return waveform


def _read(path: str | Path) -> tuple[np.ndarray, int]:
    waveform, rate = read_audio(path)
    return (waveform.astype(np.float64) * (32768 / 32767)).astype(np.float32), rate
