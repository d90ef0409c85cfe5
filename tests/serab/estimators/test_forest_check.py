"""A scikit-learn whose trees aren't the compiled ones makes forests slow, and never wrong."""

import logging

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from serab.estimators import forest, tree
from serab.estimators.forest_check import equals_scikit_learn
from serab.estimators.grid import Fold, Workers, predict_each

FOREST = RandomForestClassifier(n_estimators=8, random_state=1)
POINTS = [{"max_depth": depth, "class_weight": "balanced"} for depth in (3, 10)]


@pytest.fixture
def fold() -> Fold:
    random = np.random.default_rng(0)
    x = random.normal(size=(90, 12))
    return Fold(x[:60], np.digitize(x[:60, 0], (-0.5, 0.5)), x[60:])


@pytest.fixture(autouse=True)
def _checked_anew():
    equals_scikit_learn.cache_clear()
    yield
    equals_scikit_learn.cache_clear()


def predictions(fold: Fold, caplog: pytest.LogCaptureFixture) -> tuple[list, list[str]]:
    """Of the same forests twice, and what was logged meanwhile."""
    with caplog.at_level(logging.WARNING):
        answers = [forest.predict_forests(FOREST, POINTS, fold, Workers(2)) for _ in range(2)]
    assert np.array_equal(*answers)
    return answers[0], [record.getMessage() for record in caplog.records]


def test_todays_scikit_learn_passes(fold, caplog, monkeypatch):
    """The compiled trees are used, which the fallback made unusable shows."""
    monkeypatch.setattr(forest, "predict_each", None)
    assert predictions(fold, caplog)[1] == []


def test_a_release_that_draws_otherwise(fold, caplog, monkeypatch):
    """Its answers count, and one warning is given."""
    fit = DecisionTreeClassifier._fit

    def fit_with_another_stream(self, *arguments, **keywords):
        self.random_state += 1
        return fit(self, *arguments, **keywords)

    before = forest.predict_forests(FOREST, POINTS, fold, Workers(1))
    equals_scikit_learn.cache_clear()
    monkeypatch.setattr(DecisionTreeClassifier, "_fit", fit_with_another_stream)
    answers, (warning,) = predictions(fold, caplog)
    assert np.array_equal(answers, predict_each(FOREST, POINTS, fold, Workers(1)))
    assert not np.array_equal(answers, before)
    assert "grows other trees" in warning


def test_a_kernel_that_splits_otherwise(fold, caplog, monkeypatch):
    """As a compiler that rounds otherwise, or a tree that prefers another feature, would."""
    grow = tree.grow_tree
    expected = predict_each(FOREST, POINTS, fold, Workers(1))

    def grow_without_last_feature(features, *others):
        codes = features.codes.copy()
        codes[-1] = codes[-1][::-1]
        return grow(features._replace(codes=codes), *others)

    monkeypatch.setattr(tree, "grow_tree", grow_without_last_feature)
    answers, (warning,) = predictions(fold, caplog)
    assert np.array_equal(answers, expected)
    assert "scikit-learn" in warning
