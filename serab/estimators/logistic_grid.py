"""Logistic regressions of a grid: L-BFGS's steps for all points at once, in the utterances' span.

From zero, every step stays in the space that the utterances span. Where they are fewer than
dimensions, an orthonormal basis of that space turns (n, D) embeddings into (n, n), and L-BFGS,
which knows vectors by their products only, takes the same steps. With many utterances the points of
the grid step together, so one product with the embeddings serves them all. Each stops by itself and
where scikit-learn's would: by the largest part of the gradient in the original space. Where there
are many more utterances than that, the optimum is found first, by fewer steps, and scikit-learn's
are taken only for points that are not settled by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from serab.estimators import logistic_problem
from serab.estimators.grid import Fold, Point, Workers, predict_each
from serab.estimators.logistic import SummedLossLogisticRegression
from serab.estimators.logistic_losses import Ask
from serab.estimators.logistic_optimum import Directions, Optimum, find_optimum
from serab.estimators.logistic_problem import Problem, Space

_SEARCHED = {"C", "class_weight", "max_iter", "random_state"}


def predict_logistic(
    estimator: SummedLossLogisticRegression, points: Sequence[Point], fold: Fold, workers: Workers
) -> list[np.ndarray]:
    """`PredictGrid` for logistic regressions over C and class_weight.

    Two classes, and other settings than these, are fitted one by one by scikit-learn. Memory: up to
    three more copies of the embeddings (n, D), shared by the threads.
    """
    settings = [{**estimator.get_params(), **point} for point in points]
    classes = np.unique(fold.y)
    if len(classes) < 3 or not all(_is_plain(point) for point in settings):
        return predict_each(estimator, points, fold, workers)
    problem = Problem.of(settings, fold.y)
    found: dict[int, np.ndarray] = {}
    remaining = list(range(len(points)))
    if _has_many(fold.x):
        found, remaining = _settled(problem, classes, fold, workers)
    if remaining:
        space = Space.of(fold)
        solutions = problem.solve(
            space, remaining, workers, lambda k, ask: problem.stop_of(ask, space)
        )
        found |= {k: classes[space.predict(solution)] for k, solution in solutions.items()}
    return [found[k] for k in range(len(points))]


def _settled(
    problem: Problem, classes: np.ndarray, fold: Fold, workers: Workers
) -> tuple[dict[int, np.ndarray], list[int]]:
    """Predictions of the points whose optimum says what scikit-learn's stop would, and the others.

    Points of so little penalty that coefficients may be off at scikit-learn's stop aren't settled
    by that, though nothing may move on the way to their optimum. Where only the best point counts,
    one that can't be the best is settled too: too many of its predictions would have to change,
    more than moved or, with so little penalty, a tenth.
    """
    free = problem.is_free
    tried = [k for k in range(len(free)) if fold.expected is not None or not free[k]]
    if not tried:
        return {}, list(range(len(free)))
    space, solutions = _optima(problem, fold, tried, workers)
    found, moving = {}, dict.fromkeys(range(len(free)), len(fold.tested))
    for k, solution in solutions.items():
        ends = space.predict(solution.parameters)
        found[k] = classes[ends]
        if solution.before is not None:
            moving[k] = int((space.predict(solution.before) != ends).sum())
        if free[k]:
            moving[k] = max(moving[k], -(-len(ends) // 10))
    remaining = [k for k in moving if moving[k]]
    if fold.expected is not None and len(remaining) < len(found):
        hits = {k: int((found[k] == fold.expected).sum()) for k in found}
        best = max(hits[k] for k in found if not moving[k])
        remaining = [k for k in remaining if hits[k] + moving[k] >= best]
    return found, remaining


def _optima(
    problem: Problem, fold: Fold, points: Sequence[int], workers: Workers
) -> tuple[Space, dict[int, Optimum]]:
    """The optima of some points, and the space that their parameters are of."""
    with threadpool_limits(workers.threads):  # nothing else runs yet
        directions = Directions.of(fold.x)
        space = Space(fold.x @ directions.basis, fold.tested @ directions.basis, directions.basis)

    def solve(k: int, ask: Ask) -> Optimum:
        units = directions.units(problem.classes, problem.l2[k])
        return find_optimum(ask, units, space.steepest, problem.tolerance, problem.max_iter)

    with threadpool_limits(workers.threads if len(points) == 1 else 1):
        return space, problem.solve(space, points, workers, solve)


def fit_logistic(
    estimator: SummedLossLogisticRegression, x: np.ndarray, y: np.ndarray
) -> SummedLossLogisticRegression:
    """Fit (n, D) embeddings and (n,) labels: scikit-learn begins where it would end.

    Only where the grid takes the optimum too.
    """
    settings = estimator.get_params()
    if len(np.unique(y)) < 3 or not _is_plain(settings) or not _has_many(x):
        return estimator.fit(x, y)
    problem = Problem.of([settings], y)
    if problem.is_free[0]:
        return estimator.fit(x, y)
    space, solutions = _optima(problem, Fold(x, y, x[:0]), [0], Workers())
    estimator.classes_ = np.unique(y)
    estimator.coef_, estimator.intercept_ = space.original(solutions[0].parameters)
    return estimator.set_params(warm_start=True).fit(x, y).set_params(warm_start=False)


def _has_many(x: np.ndarray) -> bool:
    """Whether the optimum is worth looking for first."""
    return x.size > logistic_problem.LARGE and len(x) >= x.shape[1]


def _is_plain(settings: Mapping[str, Any]) -> bool:
    default = SummedLossLogisticRegression().get_params()
    ignored = ("n_jobs", "verbose", *_SEARCHED)
    return all(settings[key] == value for key, value in default.items() if key not in ignored)
