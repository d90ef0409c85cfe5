"""Logistic regressions that step together or go to their optimum predict as scikit-learn's."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from serab.classifiers import CLASSIFIERS
from serab.estimators import logistic_grid, logistic_problem
from serab.estimators.grid import Fold, predict_each, predict_grid
from serab.estimators.logistic_grid import predict_logistic
from tests.support.emotional import KINDS, ONE, TALL, TWO, fold, of_kind

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", KINDS)
def test_the_optimum_and_whom_it_settles(kind, monkeypatch):
    """Many utterances: found by fewer steps, with scikit-learn's predictions all the same."""
    monkeypatch.setattr(logistic_problem, "LARGE", 0)
    settle, remaining = logistic_grid._settled, []

    def settled(*arguments):
        found, others = settle(*arguments)
        remaining.append(len(others))
        return found, others

    monkeypatch.setattr(logistic_grid, "_settled", settled)
    candidate, made = CLASSIFIERS["LR"], of_kind(kind, (400, 60))
    points = list(ParameterGrid(dict(candidate.grid)))
    ours = predict_grid(candidate.predict, candidate.estimator, points, made, TWO)
    plain = predict_each(candidate.estimator, points, made, ONE)
    for mine, theirs in zip(ours, plain, strict=True):
        assert np.array_equal(mine, theirs)
    assert remaining[0] < len(points) / 2
    expected = np.roll(plain[len(plain) // 2], 20)  # as often wrong as right
    searched = Fold(made.x, made.y, made.tested, expected)
    ours = predict_grid(candidate.predict, candidate.estimator, points, searched, TWO)
    hits = [[(p == expected).sum() for p in found] for found in (ours, plain)]
    assert np.argmax(hits[0]) == np.argmax(hits[1])
    assert max(hits[0]) == max(hits[1])
    for point in ({"C": 1.0, "class_weight": "balanced"}, {"C": 1e5, "class_weight": None}):
        estimators = [clone(candidate.estimator).set_params(**point) for _ in range(2)]
        kept, usual = (
            candidate.fit(estimators[0], made.x, made.y),
            estimators[1].fit(made.x, made.y),
        )
        assert np.array_equal(kept.predict(made.tested), usual.predict(made.tested))
        assert kept.get_params() == usual.get_params()
        probabilities = [each.predict_proba(made.tested) for each in (kept, usual)]
        assert np.allclose(*probabilities, atol=0 if point["C"] == 1e5 else 1e-3)


def test_points_that_step_together():
    """Many utterances: one product serves the points at work, until the last one stops."""
    n, dimensions = 1100, 1000
    assert n * dimensions > logistic_problem.LARGE
    made = fold(n, dimensions)
    points = [{"C": c, "class_weight": w} for c in (1e-5, 1e-3, 1e5) for w in ("balanced", None)]
    estimator = CLASSIFIERS["LR"].estimator
    ours = predict_logistic(estimator, points, made, TWO)
    for mine, theirs in zip(ours, predict_each(estimator, points, made, ONE), strict=True):
        assert np.array_equal(mine, theirs)


def test_an_error_among_points_that_step_together(monkeypatch):
    """It is raised; nothing waits for a point that is gone."""

    def fail(self, points, parameters):
        raise FloatingPointError("broken")

    monkeypatch.setattr(logistic_problem, "LARGE", 0)
    monkeypatch.setattr(logistic_problem.Losses, "__call__", fail)
    with pytest.raises(FloatingPointError, match="broken"):
        predict_logistic(
            CLASSIFIERS["LR"].estimator, [{"C": 1.0}, {"C": 2.0}], fold(*TALL), ONE
        )  # fmt: skip
