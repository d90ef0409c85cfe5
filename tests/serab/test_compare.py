"""Paired tests of two runs: real differences are seen, noise is called noise."""

from dataclasses import replace

import numpy as np
import pytest

from serab.compare import holm, mean_difference, paired_test
from serab.results.records import Predictions


def predictions(right: np.ndarray, task: str = "EMB", speakers: int = 10) -> Predictions:
    """`right` (n,) says which utterances are predicted rightly."""
    n = len(right)
    return Predictions(
        task=task, protocol="strict", seed=0, classifier="LDA", emotions=["a", "b"],
        utterances=[f"u{i:04d}" for i in range(n)],
        speakers=[f"s{i % speakers}" for i in range(n)],
        true=["a"] * n, predicted=["a" if hit else "b" for hit in right],
    )  # fmt: skip


def drawn(accuracy: float, seed: int, n: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).random(n) < accuracy


def test_better_is_better():
    test = paired_test(predictions(drawn(0.9, 1)), predictions(drawn(0.6, 2)))
    assert test.difference > 0.2
    assert test.p < 1e-6
    assert test.over_speakers.low > 0
    assert test.verdict == "first is better"
    back = paired_test(predictions(drawn(0.6, 2)), predictions(drawn(0.9, 1)))
    assert back.difference == pytest.approx(-test.difference)
    assert (back.only_first, back.only_second) == (test.only_second, test.only_first)
    assert back.verdict == "second is better"


def test_equal_systems_are_seldom_told_apart():
    """Two systems of equal accuracy: about 5 % may be called different, more is an alarm."""
    found = [
        not paired_test(predictions(drawn(0.7, 2 * i, 100)), predictions(drawn(0.7, 2 * i + 1, 100))
        ).within_noise
        for i in range(60)
    ]  # fmt: skip
    assert sum(found) <= 6


def test_mcnemar_by_hand():
    """Six utterances only one gets right, of six that differ: p = 2 / 2**6."""
    right = np.ones(20, dtype=bool)
    worse = right.copy()
    worse[:6] = False
    test = paired_test(predictions(right), predictions(worse))
    assert (test.only_first, test.only_second) == (6, 0)
    assert test.p == pytest.approx(2 / 64)


def test_a_run_against_itself():
    test = paired_test(predictions(drawn(0.7, 3)), predictions(drawn(0.7, 3)))
    assert (test.difference, test.p, test.within_noise) == (0.0, 1.0, True)


def test_one_lucky_speaker_is_noise():
    """All of the gain is one speaker's: McNemar is impressed, the speakers aren't."""
    base = drawn(0.5, 4, 200)
    better = base.copy()
    better[::10] = True
    test = paired_test(predictions(better), predictions(base))
    assert test.p < 0.05
    assert test.over_speakers.low == 0
    assert test.within_noise


def test_order_doesn_t_matter_but_utterances_do():
    first, second = predictions(drawn(0.8, 5)), predictions(drawn(0.6, 6))
    columns = ("utterances", "speakers", "true", "predicted")
    shuffled = replace(second, **{c: getattr(second, c)[::-1] for c in columns})
    assert paired_test(first, shuffled) == paired_test(first, second)
    with pytest.raises(ValueError, match="299 of 300 and 299"):
        paired_test(first, predictions(drawn(0.6, 6, 299)))


def test_mean_over_tasks():
    pairs = [
        (predictions(drawn(0.8, i), task), predictions(drawn(0.6, i + 9), task))
        for i, task in enumerate(("EMB", "RAV"))
    ]
    difference, interval = mean_difference(pairs)
    each = [paired_test(*pair).difference for pair in pairs]
    assert difference == pytest.approx(np.mean(each))
    assert interval.low < difference < interval.high
    assert interval.low > 0


def test_holm_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06}
    )
