"""How far a score would move with other test utterances or speakers: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

RESAMPLES = 5_000
LEVEL = 0.95
SEED = 0


class Over(StrEnum):
    """What is drawn anew: single utterances, or speakers with all of theirs."""

    UTTERANCES = "utterances"
    SPEAKERS = "speakers"


@dataclass(frozen=True)
class Interval:
    """95 % percentile interval of a score (fractions) over `units` utterances or speakers."""

    low: float
    high: float
    over: Over
    units: int


@dataclass(frozen=True)
class Tally:
    """Right answers and utterances, each (units,): accuracy is a ratio of sums."""

    hits: np.ndarray
    totals: np.ndarray


def tally(
    true: Sequence[str], predicted: Sequence[str], speakers: Sequence[str], over: Over
) -> Tally:
    """Count by unit.

    Raises:
        ValueError: lists of different lengths, or empty ones.
    """
    if not len(true) == len(predicted) == len(speakers) > 0:
        raise ValueError(
            f"{len(true)} true labels, {len(predicted)} predicted ones and {len(speakers)} "
            "speakers: expected one of each per utterance, and at least one utterance."
        )
    right = (np.asarray(true) == np.asarray(predicted)).astype(float)
    if over is Over.UTTERANCES:
        return Tally(right, np.ones(len(right)))
    _, row = np.unique(np.asarray(speakers), return_inverse=True)
    return Tally(np.bincount(row, right), np.bincount(row).astype(float))


@lru_cache(maxsize=2)  # the classifiers of a split share them
def drawn(units: int, seed: int = SEED) -> np.ndarray:
    """How often each unit is drawn, float (RESAMPLES, units), read-only; rows sum to `units`."""
    random = np.random.default_rng(seed)
    counts = random.multinomial(units, np.full(units, 1 / units), size=RESAMPLES).astype(float)
    counts.flags.writeable = False
    return counts


def accuracies(tally: Tally, weights: np.ndarray) -> np.ndarray:
    """Accuracy of each resample, (resamples,)."""
    return (weights @ tally.hits) / (weights @ tally.totals)


def percentile_interval(scores: np.ndarray, over: Over, units: int) -> Interval:
    """The middle 95 % of resampled scores."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(scores, [tail, 1 - tail])
    return Interval(float(low), float(high), over, units)


def score_interval(
    true: Sequence[str], predicted: Sequence[str], speakers: Sequence[str], over: Over
) -> Interval | None:
    """Interval of the accuracy; None for a single unit.

    Over speakers it is the honest one, since the utterances of one voice go right or wrong
    together; with two or three test speakers it can only show the range between them.
    """
    counted = tally(true, predicted, speakers, over)
    units = len(counted.hits)
    if units < 2:
        return None
    return percentile_interval(accuracies(counted, drawn(units)), over, units)


def mean_interval(scores: Sequence[float]) -> Interval | None:
    """Interval of the mean over speakers of one score each; None for a single one."""
    if len(scores) < 2:
        return None
    each = Tally(np.array(scores), np.ones(len(scores)))
    return percentile_interval(accuracies(each, drawn(len(scores))), Over.SPEAKERS, len(scores))
