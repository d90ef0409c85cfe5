"""Spectral landmarks: the peaks of a recording's spectrogram, and what else tells it from others.

Peaks survive codecs, gain and trimming (Wang: An industrial-strength audio search algorithm, ISMIR
2003), take some 80 bytes a second, and nothing can be heard from them. `serab.analyses.overlap`
looks test utterances up in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.audio import AudioError, read_audio, resample

RATE = 8_000
WINDOW, HOP = 512, 128
NEIGHBOURHOOD = (15, 9)
"""Bins and frames in which a peak is the largest."""
FLOOR = 1e-3
"""Of the largest magnitude: what is weaker is no peak."""
STRETCH = 4_096
"""Frames looked at together, about a minute: long recordings take no more memory."""
AUDIO_RATE = 16_000
HASH_DIGITS = 32
"""Hex digits that are kept of a SHA-256; no two of 10**12 recordings share them by chance."""


@dataclass(frozen=True)
class Peaks:
    """Frequency bins and frames of 16 ms of the peaks, int64 (peaks,), in the order of time."""

    bins: np.ndarray
    frames: np.ndarray


@dataclass(frozen=True)
class Sound:
    """What is kept of a recording.

    Attributes:
        name: its path.
        file: SHA-256 of its file, `HASH_DIGITS` of it; empty where there is no file.
        audio: the same of its samples as int16 at 16 kHz.
        peaks: of its spectrogram.
    """

    name: str
    file: str
    audio: str
    peaks: Peaks


Listener = Callable[[], Sound | tuple[str, str]]
"""Listens to a recording; to one that can't be read, its name and why."""


def listen_to(path: Path, name: str) -> Sound | tuple[str, str]:
    """What is kept of a recording in a file; of one that can't be read its name and why."""
    try:
        return hear(path, name)
    except (AudioError, OSError) as error:
        return name, str(error)


def hear(path: Path, name: str) -> Sound:
    """What is kept of a recording in a file.

    Raises:
        datamodules.audio.AudioError, OSError: it can't be read.
    """
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()[:HASH_DIGITS]
    waveform, rate = read_audio(path)
    return sound_of(name, content, waveform, rate)


def sound_of(name: str, file: str, waveform: np.ndarray, rate: int) -> Sound:
    """Of float (samples,) at any rate in Hz; the arguments are as those of `Sound`."""
    samples = resample(waveform, rate, AUDIO_RATE)
    steps = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
    audio = hashlib.sha256(steps.tobytes()).hexdigest()[:HASH_DIGITS]
    return Sound(name, file, audio, find_peaks(resample(waveform, rate, RATE)))


def find_peaks(waveform: np.ndarray) -> Peaks:
    """Of float (samples,) at 8 kHz; none where it is too short or silent."""
    from scipy.ndimage import maximum_filter
    from scipy.signal import ShortTimeFFT

    nothing = np.zeros(0, dtype=np.int64)
    if len(waveform) < WINDOW:
        return Peaks(nothing, nothing)
    transform = ShortTimeFFT(np.hanning(WINDOW), HOP, RATE)
    samples = waveform.astype(np.float64)
    first, end = transform.p_min, transform.p_max(len(samples))
    beside = NEIGHBOURHOOD[1] // 2
    bins, frames, heights, largest = [nothing], [nothing], [np.zeros(0)], 0.0
    for start in range(first, end, STRETCH):
        stop = min(start + STRETCH, end)
        low, high = max(first, start - beside), min(end, stop + beside)
        magnitudes = np.abs(transform.stft(samples, low, high))
        around = maximum_filter(magnitudes, NEIGHBOURHOOD, mode="constant")
        inner = magnitudes[:, start - low : stop - low]
        highest = (inner == around[:, start - low : stop - low]) & (inner > 0)
        when, which = np.nonzero(highest.T)
        bins.append(which)
        frames.append(when + (start - first))
        heights.append(inner[which, when])
        largest = max(largest, float(inner.max()))
    kept = np.concatenate(heights) > FLOOR * largest
    return Peaks(np.concatenate(bins)[kept], np.concatenate(frames)[kept])
