"""Scores of many splits or draws together, with intervals over the speakers who were tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from serab.intervals import Over, Tally, accuracies, drawn, percentile_interval


@dataclass(frozen=True)
class Score:
    """An accuracy or a difference of two (fractions), and its 95 % interval over `speakers`.

    `n_test` counts utterances, each once however often it was asked.
    """

    value: float
    interval: tuple[float, float] | None
    speakers: int
    n_test: int


@dataclass
class Answers:
    """Which utterances of which speakers were answered right, over all splits and draws.

    An utterance that was asked several times counts as the mean of its answers, so that speakers
    weigh by their utterances, not by how often a split drew them.
    """

    _asked: dict[str, list[float]] = field(default_factory=dict)
    _speaker: dict[str, str] = field(default_factory=dict)

    def add(self, ids: Iterable[str], speakers: Iterable[str], right: Iterable[bool]) -> None:
        """Answers to utterances (their ids), one of each list per utterance."""
        for name, speaker, is_right in zip(ids, speakers, right, strict=True):
            self._asked.setdefault(name, []).append(float(is_right))
            self._speaker[name] = speaker

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def ids(self) -> list[str]:
        return sorted(self._asked)

    def means(self, ids: Sequence[str]) -> np.ndarray:
        """The share of right answers to each utterance, (utterances,)."""
        return np.array([np.mean(self._asked[name]) for name in ids])

    def speakers(self, ids: Sequence[str]) -> np.ndarray:
        return np.array([self._speaker[name] for name in ids])

    def tally(self, ids: Sequence[str], names: Sequence[str]) -> Tally:
        """Right answers and utterances of each speaker in `names`, in their order."""
        row = {speaker: number for number, speaker in enumerate(names)}
        rows = np.array([row[self._speaker[name]] for name in ids], dtype=int)
        return Tally(
            np.bincount(rows, self.means(ids), minlength=len(names)),
            np.bincount(rows, minlength=len(names)).astype(float),
        )


def score(answers: Answers) -> Score:
    """The accuracy over all utterances that were asked.

    Raises:
        ValueError: none was.
    """
    return difference(answers, None)


def difference(first: Answers, second: Answers | None) -> Score:
    """First minus second on the utterances that both were asked, paired by speaker.

    Raises:
        ValueError: they have no utterance in common.
    """
    ids = first.ids if second is None else sorted(set(first.ids) & set(second.ids))
    if not ids:
        raise ValueError("no utterance was asked, so there is no score.")
    names = sorted(set(first.speakers(ids).tolist()))
    tallies = [answers.tally(ids, names) for answers in (first, second) if answers is not None]
    signs = (1.0, -1.0)
    value = sum(s * t.hits.sum() / t.totals.sum() for s, t in zip(signs, tallies, strict=False))
    if len(names) < 2:
        return Score(float(value), None, len(names), len(ids))
    weights = drawn(len(names))
    resampled = sum(s * accuracies(t, weights) for s, t in zip(signs, tallies, strict=False))
    return Score(float(value), limits(np.asarray(resampled)), len(names), len(ids))


def limits(resampled: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled values."""
    interval = percentile_interval(resampled, Over.SPEAKERS, 0)
    return interval.low, interval.high


def gap(tallies: tuple[Tally, Tally], n_test: int) -> Score:
    """The accuracy of one group of speakers minus that of another; each is drawn by itself.

    With one speaker in a group there is no interval: nobody knows how others would do.
    """
    value = sum(s * t.hits.sum() / t.totals.sum() for s, t in zip((1, -1), tallies, strict=True))
    units = [len(t.hits) for t in tallies]
    if min(units) < 2:
        return Score(float(value), None, sum(units), n_test)
    first, second = (accuracies(t, drawn(len(t.hits), seed)) for seed, t in enumerate(tallies))
    return Score(float(value), limits(first - second), sum(units), n_test)
