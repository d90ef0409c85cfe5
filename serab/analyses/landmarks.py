"""Which recordings hold the same sound, however they were encoded or trimmed, by their landmarks.

Two recordings hold the same sound where many of their pairs of peaks, as (frequency, frequency,
distance in time), agree at one and the same shift in time (Wang, ISMIR 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datamodules.landmarks import Peaks

FAN = 6
MOST_FRAMES = 63
"""A peak is paired with the next ones up to a second later, so differences fit into six bits."""
LEAST_PAIRS = 20
LEAST_SHARE = 0.03
"""A match has at least that many pairs at one shift, and that share of the shorter's pairs."""


@dataclass(frozen=True)
class Landmarks:
    """Codes and frames of a recording's pairs of peaks, (pairs,) each."""

    codes: np.ndarray
    frames: np.ndarray


def landmarks(peaks: Peaks) -> Landmarks:
    """The pairs of a recording's peaks."""
    bins, frames = peaks.bins, peaks.frames
    codes, times = [], []
    for step in range(1, FAN + 1):
        first, second = slice(None, -step), slice(step, None)
        distance = frames[second] - frames[first]
        usable = (distance > 0) & (distance <= MOST_FRAMES)
        pairs = (bins[first] << 15) | (bins[second] << 6) | distance
        codes.append(pairs[usable])
        times.append(frames[first][usable])
    return Landmarks(np.concatenate(codes), np.concatenate(times))


@dataclass(frozen=True)
class Match:
    """A recording of the collection, the pairs that agree at one shift, and all of its own."""

    position: int
    pairs: int
    of: int


class Collection:
    """Recordings in which others are looked for.

    Memory: three numbers a pair of peaks, some thousand bytes a second of audio.

    Args:
        recordings: their landmarks.
    """

    def __init__(self, recordings: Sequence[Landmarks]):
        self._counts = np.array([len(r.codes) for r in recordings], dtype=np.int64)
        codes = np.concatenate([r.codes for r in recordings])
        order = np.argsort(codes, kind="stable")
        self._codes = codes[order]
        self._frames = np.concatenate([r.frames for r in recordings])[order]
        self._positions = np.repeat(np.arange(len(recordings)), self._counts)[order]

    def matches(self, asked: Landmarks) -> list[Match]:
        """The recordings that hold the same sound, the surest first."""
        low = np.searchsorted(self._codes, asked.codes, "left")
        high = np.searchsorted(self._codes, asked.codes, "right")
        repeats = high - low
        if not repeats.sum():
            return []
        starts = np.repeat(low - np.concatenate([[0], np.cumsum(repeats)[:-1]]), repeats)
        rows = starts + np.arange(repeats.sum())
        shifts = self._frames[rows] - np.repeat(asked.frames, repeats)
        keys = (self._positions[rows] << 32) + (shifts + (1 << 31))
        votes, counts = np.unique(keys, return_counts=True)
        # a shift between two frames is voted for by both
        beside = np.concatenate([np.diff(votes) == 1, [False]])
        counts = counts + np.where(beside, np.roll(counts, -1), 0)
        found: dict[int, int] = {}
        for key, count in zip((votes >> 32).tolist(), counts.tolist(), strict=True):
            found[key] = max(count, found.get(key, 0))
        matches = []
        for position, count in found.items():
            shorter = min(int(self._counts[position]), len(asked.codes))
            if count >= max(LEAST_PAIRS, LEAST_SHARE * shorter):
                matches.append(Match(position, count, shorter))
        return sorted(matches, key=lambda match: (-match.pairs, match.position))
