"""Two runs on the same test utterances: is one better, or is it noise?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from serab.intervals import Interval, Over, accuracies, drawn, percentile_interval, tally
from serab.results.records import Predictions

LEVEL = 0.05


@dataclass(frozen=True)
class PairedTest:
    """First run minus second on one task: accuracies as fractions.

    `only_first` and `only_second` count utterances that one alone gets right; `p` is McNemar's
    exact test on them, and the intervals are of the difference, over speakers None with one.
    """

    task: str
    n_test: int
    difference: float
    over_utterances: Interval | None
    over_speakers: Interval | None
    only_first: int
    only_second: int
    p: float

    @property
    def within_noise(self) -> bool:
        """Whether either test leaves room for no difference."""
        interval = self.over_speakers
        return self.p >= LEVEL or (interval is not None and interval.low <= 0 <= interval.high)

    @property
    def verdict(self) -> str:
        if self.within_noise:
            return "within the noise"
        return "first is better" if self.difference > 0 else "second is better"


def paired_test(first: Predictions, second: Predictions) -> PairedTest:
    """Compare two classifiers on a task, utterance by utterance.

    Raises:
        ValueError: they weren't tested on the same utterances.
    """
    second = _in_order_of(first, second)
    right = np.equal(first.true, first.predicted), np.equal(second.true, second.predicted)
    only_first = int((right[0] & ~right[1]).sum())
    only_second = int((right[1] & ~right[0]).sum())
    return PairedTest(
        first.task,
        len(first.true),
        float(right[0].mean() - right[1].mean()),
        _interval([(first, second)], Over.UTTERANCES),
        _interval([(first, second)], Over.SPEAKERS),
        only_first,
        only_second,
        mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's exact test, two-sided: that many or fewer heads of a fair coin, twice."""
    n = only_first + only_second
    tail = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**n)


def mean_difference(
    pairs: Sequence[tuple[Predictions, Predictions]],
) -> tuple[float, Interval | None]:
    """Difference of the unweighted means over tasks, and its interval over speakers.

    Speakers are drawn within each task, so the interval is about these tasks and other speakers.
    """
    pairs = [(first, _in_order_of(first, second)) for first, second in pairs]
    differences = [
        np.equal(a.true, a.predicted).mean() - np.equal(b.true, b.predicted).mean()
        for a, b in pairs
    ]
    return float(np.mean(differences)), _interval(pairs, Over.SPEAKERS)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjustment: with several tasks, one small p is no news."""
    adjusted, highest = {}, 0.0
    for rank, (task, value) in enumerate(sorted(p.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, value * (len(p) - rank)))
        adjusted[task] = highest
    return {task: adjusted[task] for task in p}


def _interval(pairs: Sequence[tuple[Predictions, Predictions]], over: Over) -> Interval | None:
    """Of the difference, averaged over the tasks of `pairs`; None where a task has one unit."""
    drawn_differences, units = [], 0
    for seed, (first, second) in enumerate(pairs):
        counts = [tally(run.true, run.predicted, run.speakers, over) for run in (first, second)]
        n = len(counts[0].hits)
        if n < 2:
            return None
        weights = drawn(n, seed)
        drawn_differences.append(accuracies(counts[0], weights) - accuracies(counts[1], weights))
        units += n
    return percentile_interval(np.mean(drawn_differences, axis=0), over, units)


def _in_order_of(first: Predictions, second: Predictions) -> Predictions:
    """`second` in the order of the utterances of `first`."""
    positions = {utterance: i for i, utterance in enumerate(second.utterances)}
    if first.task != second.task or positions.keys() != set(first.utterances):
        shared = len(positions.keys() & set(first.utterances))
        raise ValueError(
            f"{first.task} and {second.task}: {shared} of {len(first.utterances)} and "
            f"{len(second.utterances)} test utterances are common; a paired test needs the same "
            "task, protocol and split."
        )
    order = [positions[utterance] for utterance in first.utterances]
    return replace(
        second,
        utterances=[second.utterances[i] for i in order],
        speakers=[second.speakers[i] for i in order],
        true=[second.true[i] for i in order],
        predicted=[second.predicted[i] for i in order],
    )
