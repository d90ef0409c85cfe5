"""Embeddings normalised per speaker, as the published protocol's classifiers want them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from serab.recordings.parts import Part


class SpeakerNormaliser:
    """Zero mean and unit variance of each speaker's rows; memory is that of the speakers.

    Args:
        parts: all rows; gone through twice.
        speakers: of the recordings, by position.
    """

    def __init__(self, parts: Iterable[Part], speakers: Sequence[str]):
        names = sorted(set(speakers))
        numbers = {name: number for number, name in enumerate(names)}
        self._speakers = np.array([numbers[name] for name in speakers])
        counts = np.zeros(len(names))
        sums: np.ndarray | float = 0.0
        for part in parts:
            counts += np.bincount(self._speakers[part.positions], minlength=len(names))
            sums = sums + self._summed(part, part.embeddings.astype(np.float64), len(names))
        counts = np.maximum(counts, 1)[:, None]
        self._means = sums / counts
        squares: np.ndarray | float = 0.0
        for part in parts:
            squares = squares + self._summed(part, self._centred(part) ** 2, len(names))
        std = np.sqrt(squares / counts)
        self._std = np.where(std > 0, std, 1)

    def __call__(self, part: Part) -> np.ndarray:
        """The rows of a part, float64 (rows, D)."""
        return self._centred(part) / self._std[self._speakers[part.positions]]

    def _centred(self, part: Part) -> np.ndarray:
        return part.embeddings - self._means[self._speakers[part.positions]]

    def _summed(self, part: Part, values: np.ndarray, speakers: int) -> np.ndarray:
        sums = np.zeros((speakers, values.shape[1]))
        np.add.at(sums, self._speakers[part.positions], values)
        return sums


def check_speakers(speakers: Sequence[str]) -> None:
    """Raise ValueError where a speaker has a single recording, of which there is no deviation."""
    alone = [name for name, count in Counter(speakers).items() if count < 2]
    if alone:
        raise ValueError(
            f"speaker {alone[0]}: has a single recording, and the published protocol normalises by "
            "each speaker's mean and deviation; give several of each, or evaluate with "
            "protocol=strict."
        )
