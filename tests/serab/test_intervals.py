"""Bootstrap intervals: against the binomial law, against scipy, and where they can't exist."""

import numpy as np
import pytest
from scipy.stats import binom, bootstrap

from serab.intervals import Over, score_interval


def sample(n: int = 200, speakers: int = 8, seed: int = 0):
    random = np.random.default_rng(seed)
    true = random.choice(["anger", "fear", "neutral"], n, p=[0.5, 0.3, 0.2])
    predicted = np.where(random.random(n) < 0.7, true, "anger")
    return true, predicted, np.array([f"s{i % speakers}" for i in range(n)])


def test_over_utterances_is_the_binomial_law():
    true, predicted, speakers = sample()
    interval = score_interval(true, predicted, speakers, Over.UTTERANCES)
    expected = binom.ppf([0.025, 0.975], len(true), (true == predicted).mean()) / len(true)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected), abs=0.011)
    assert interval.units == 200


def test_over_speakers_is_scipys():
    true, predicted, speakers = sample(seed=1)
    ours = score_interval(true, predicted, speakers, Over.SPEAKERS)
    names = np.unique(speakers)
    hits = np.array([(true == predicted)[speakers == name].sum() for name in names])
    sizes = np.array([(speakers == name).sum() for name in names])
    scipys = bootstrap(
        (hits, sizes),
        lambda h, s, axis: h.sum(axis=axis) / s.sum(axis=axis),
        paired=True, method="percentile", n_resamples=20_000, rng=np.random.default_rng(5),
    ).confidence_interval  # fmt: skip
    assert (ours.low, ours.high) == pytest.approx(tuple(scipys), abs=0.01)


def test_speakers_that_are_all_alike_or_not():
    """One good and one bad voice: the utterances seem sure of themselves, the voices don't."""
    true = np.array(["a"] * 100)
    speakers = np.repeat(["good", "bad"], 50)
    predicted = np.where(speakers == "good", "a", "b")
    over_speakers = score_interval(true, predicted, speakers, Over.SPEAKERS)
    over_utterances = score_interval(true, predicted, speakers, Over.UTTERANCES)
    assert (over_speakers.low, over_speakers.high) == (0.0, 1.0)
    assert over_utterances.low > 0.35
    assert over_utterances.high < 0.65


def test_one_speaker_has_no_interval():
    assert score_interval(["a", "b"], ["a", "a"], ["s", "s"], Over.SPEAKERS) is None


def test_same_seed_same_interval():
    assert score_interval(*sample(), Over.SPEAKERS) == score_interval(*sample(), Over.SPEAKERS)


def test_lengths_are_checked():
    with pytest.raises(ValueError, match="2 true labels, 1 predicted"):
        score_interval(["a", "b"], ["a"], ["s", "s"], Over.UTTERANCES)
