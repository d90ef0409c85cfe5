"""All points of a grid at once: what they share is computed once, threads do the rest.

A `PredictGrid` fits every point on the same embeddings and predicts the same others. Nothing else
is asked of a grid search that keeps only the chosen point, so that is all that a classifier needs
to bring to be searched faster than one fit after another.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Made = TypeVar("Made")
Point = Mapping[str, Any]


@dataclass(frozen=True)
class Fold:
    """Embeddings (n, D) and targets (n,) to fit, embeddings (m, D) to predict; all float64.

    `expected` (m,) are the true targets of a search by accuracy, where only the best point counts:
    the predictions of one that can't be the best may then differ by a few.
    """

    x: np.ndarray
    y: np.ndarray
    tested: np.ndarray
    expected: np.ndarray | None = None


class Workers:
    """The threads that all grids of a process share.

    Args:
        jobs: threads; -1 takes all processors.
    """

    def __init__(self, jobs: int = -1):
        self.threads = effective_n_jobs(jobs)

    def map(self, function: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """Results in the order of the items; an error of one ends the call."""
        if self.threads == 1:
            return [function(item) for item in items]
        return list(_pool(self.threads).map(function, items))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="grid")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has none of these threads


PredictGrid = Callable[[BaseEstimator, Sequence[Point], Fold, Workers], list[np.ndarray]]
"""(estimator, points, fold, workers) -> the (m,) predictions of each point."""


def predict_each(
    estimator: BaseEstimator, points: Sequence[Point], fold: Fold, workers: Workers
) -> list[np.ndarray]:
    """Each point by a fit of its own."""

    def predict(point: Point) -> np.ndarray:
        return clone(estimator).set_params(**point).fit(fold.x, fold.y).predict(fold.tested)

    return workers.map(predict, points)


def predict_grid(
    predict: PredictGrid,
    estimator: BaseEstimator,
    points: Sequence[Point],
    fold: Fold,
    workers: Workers,
) -> list[np.ndarray]:
    """The predictions of each point, (m,)."""
    # threads of the linear algebra within threads of the grid would only wait for each other
    with threadpool_limits(1), warnings.catch_warnings():
        # the grids' outer values are meant to be cut off by max_iter
        warnings.simplefilter("ignore", ConvergenceWarning)
        return predict(estimator, points, fold, workers)


def once_if_balanced(predict: PredictGrid) -> PredictGrid:
    """Where there are as many utterances of each class, fit points once that "balanced" parts.

    Its weights are all exactly one then, which is the same to a classifier that multiplies by them.
    """

    def predict_distinct(
        estimator: BaseEstimator, points: Sequence[Point], fold: Fold, workers: Workers
    ) -> list[np.ndarray]:
        alike = [_plainly(point, fold.y) for point in points]
        distinct = [point for k, point in enumerate(alike) if point not in alike[:k]]
        predictions = predict(estimator, distinct, fold, workers)
        return [predictions[distinct.index(point)] for point in alike]

    return predict_distinct


def _plainly(point: Point, y: np.ndarray) -> dict[str, Any]:
    point = dict(point)
    if point.get("class_weight") == "balanced":
        counts = np.unique(y, return_counts=True)[1]
        if counts.min() == counts.max():
            point["class_weight"] = None
    return point


def fit_plainly(estimator: BaseEstimator, x: np.ndarray, y: np.ndarray) -> BaseEstimator:
    """As scikit-learn does."""
    return estimator.fit(x, y)


@dataclass(frozen=True)
class Candidate:
    """An estimator, the grid that validation chooses from, and how its points are fitted.

    `fit` is for one that is kept, as (estimator, x, y) -> the same, fitted.
    """

    name: str
    estimator: BaseEstimator
    grid: Mapping[str, list[Any]]
    predict: PredictGrid = predict_each
    fit: Callable[[Any, np.ndarray, np.ndarray], BaseEstimator] = fit_plainly
