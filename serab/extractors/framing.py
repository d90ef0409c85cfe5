"""The 0.96-s frames of VGGish, YAMNet and TRILL: cut without overlap, at least one.

A frame has the 15 ms that its last analysis window reaches further, which is how VGGish cuts by
itself; what is left at the end of an utterance is dropped, as VGGish does.
"""

from __future__ import annotations

import numpy as np

from datamodules.audio import fit_length

SAMPLE_RATE = 16_000
HOP, FRAME = 15_360, 15_600
"""Samples from frame to frame, and of a frame: 95 steps of 160 samples and a window of 400."""


def padded(waveform: np.ndarray) -> np.ndarray:
    """At least one frame (samples,)."""
    return fit_length(waveform, max(len(waveform), FRAME))


def waveform_frames(waveform: np.ndarray) -> list[np.ndarray]:
    """Non-overlapping 0.96-s frames (15600,) of a 16-kHz waveform, at least one."""
    waveform = padded(waveform)
    starts = range(0, len(waveform) - FRAME + 1, HOP)
    return [waveform[start : start + FRAME] for start in starts]
