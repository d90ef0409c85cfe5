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

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr
from scipy.optimize import minimize
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits

from serab.estimators.grid import Fold, Point, Workers, predict_each
from serab.estimators.logistic import SummedLossLogisticRegression
from serab.estimators.logistic_losses import Answer, Ask, Losses, Solution, together
from serab.estimators.logistic_optimum import Directions, Optimum, find_optimum

_SEARCHED = {"C", "class_weight", "max_iter", "random_state"}
_LARGE = 1_000_000
"""Numbers in the embeddings from which points step together."""


def predict_logistic(
    estimator: SummedLossLogisticRegression, points: Sequence[Point], fold: Fold, workers: Workers
) -> list[np.ndarray]:
    """`PredictGrid` for logistic regressions over C and class_weight.

    Two classes, and other settings than these, are fitted one by one by scikit-learn.
    """
    settings = [{**estimator.get_params(), **point} for point in points]
    classes, targets = np.unique(fold.y, return_inverse=True)
    if len(classes) < 3 or not all(_is_plain(point) for point in settings):
        return predict_each(estimator, points, fold, workers)
    problem = _Problem(
        targets,
        len(classes),
        np.stack([
            np.ones(len(targets)) if point["class_weight"] is None
            else compute_sample_weight(point["class_weight"], fold.y)
            for point in settings
        ]),
        np.array([point["C"] for point in settings]),
        estimator.tol / len(targets),
        settings[0]["max_iter"],
    )  # fmt: skip
    found: dict[int, np.ndarray] = {}
    remaining = list(range(len(points)))
    if fold.x.size > _LARGE and len(fold.x) >= fold.x.shape[1]:
        found, remaining = _settled(problem, classes, fold, workers)
    if remaining:
        space = _Space.of(fold)
        solutions = problem.solve(
            space, remaining, workers, lambda k, ask: problem.stop_of(ask, space)
        )
        found |= {k: classes[space.predict(solution)] for k, solution in solutions.items()}
    return [found[k] for k in range(len(points))]


def _settled(
    problem: _Problem, classes: np.ndarray, fold: Fold, workers: Workers
) -> tuple[dict[int, np.ndarray], list[int]]:
    """Predictions of the points whose optimum says what scikit-learn's stop would, and the others.

    Points of so little penalty that a coefficient may be off by one at scikit-learn's stop (`tol`
    times C) aren't settled by that, though nothing may move on the way to their optimum. Where only
    the best point counts, one that can't be the best is settled too: too many of its predictions
    would have to change, more than moved or, with so little penalty, a tenth.
    """
    free = problem.tolerance / problem.l2 > 0.5  # little penalty
    tried = [k for k in range(len(free)) if fold.expected is not None or not free[k]]
    if not tried:
        return {}, list(range(len(free)))
    with threadpool_limits(workers.threads):  # nothing else runs yet
        directions = Directions.of(fold.x)
        space = _Space(fold.x @ directions.basis, fold.tested @ directions.basis, directions.basis)

    def solve(k: int, ask: Ask) -> Optimum:
        units = directions.units(problem.classes, problem.l2[k])
        return find_optimum(ask, units, space.steepest, problem.tolerance, problem.max_iter)

    with threadpool_limits(workers.threads if len(tried) == 1 else 1):
        solutions = problem.solve(space, tried, workers, solve)
    found, moving = {}, dict.fromkeys(range(len(free)), len(fold.tested))
    for k, solution in solutions.items():
        ends = space.predict(solution.parameters)
        found[k] = classes[ends]
        if solution.before is not None:
            moving[k] = int((space.predict(solution.before) != ends).sum())
        if free[k]:
            moving[k] = max(moving[k], len(ends) // 10)
    remaining = [k for k in moving if moving[k]]
    if fold.expected is not None and len(remaining) < len(found):
        hits = {k: int((found[k] == fold.expected).sum()) for k in found}
        best = max(hits[k] for k in found if not moving[k])
        remaining = [k for k in remaining if hits[k] + moving[k] >= best]
    return found, remaining


@dataclass(frozen=True)
class _Problem:
    """What is fitted: targets (n,) by number, weights (points, n), C (points,)."""

    targets: np.ndarray
    classes: int
    weights: np.ndarray
    C: np.ndarray
    tolerance: float
    max_iter: int

    @property
    def l2(self) -> np.ndarray:
        return 1 / (self.C * self.weights.sum(axis=1))

    def solve(
        self,
        space: _Space,
        points: Sequence[int],
        workers: Workers,
        solve: Callable[[int, Ask], Solution],
    ) -> dict[int, Solution]:
        """`solve` of (point, loss and gradient) for some points, several at once."""
        columns = np.ascontiguousarray(space.x.T)

        def solve_group(group: Sequence[int]) -> list[Solution]:
            losses = Losses(
                space.x, columns, self.targets, self.classes, self.weights[group], self.C[group]
            )
            return together(losses, lambda k, ask: solve(group[k], ask))

        # large products are shared by many points; small ones cost less than waiting for each other
        count = min(len(points), workers.threads if space.x.size > _LARGE else len(points))
        groups = [list(points[start::count]) for start in range(count)]
        found: dict[int, Solution] = {}
        for group, solutions in zip(groups, workers.map(solve_group, groups), strict=True):
            found |= dict(zip(group, solutions, strict=True))
        return found

    def stop_of(self, ask: Ask, space: _Space) -> np.ndarray:
        """scikit-learn's L-BFGS run, stopped by the gradient in the original space."""
        latest = np.full(self.classes * (space.x.shape[1] + 1), np.inf)

        def asked(parameters: np.ndarray) -> Answer:
            nonlocal latest
            loss, latest = ask(parameters)
            return loss, latest

        def stop(_: np.ndarray) -> None:
            if space.steepest(latest, self.tolerance) <= self.tolerance:
                raise StopIteration

        rotated = space.basis is not None
        return minimize(
            asked,
            np.zeros_like(latest),
            method="L-BFGS-B",
            jac=True,
            callback=stop if rotated else None,
            options={
                "maxiter": self.max_iter,
                "maxls": 50,
                "gtol": 0.0 if rotated else self.tolerance,
                "ftol": 64 * np.finfo(float).eps,
            },
        ).x


def _is_plain(settings: dict) -> bool:
    default = SummedLossLogisticRegression().get_params()
    ignored = ("n_jobs", "verbose", *_SEARCHED)
    return all(settings[key] == value for key, value in default.items() if key not in ignored)


@dataclass(frozen=True)
class _Space:
    """Embeddings (n, r) to fit and (m, r) to predict, and the basis (D, r) that they came by."""

    x: np.ndarray
    tested: np.ndarray
    basis: np.ndarray | None

    @classmethod
    def of(cls, fold: Fold) -> _Space:
        if len(fold.x) >= fold.x.shape[1]:
            return cls(np.ascontiguousarray(fold.x), fold.tested, None)
        basis, triangle = qr(fold.x.T, mode="economic", check_finite=False)
        return cls(np.ascontiguousarray(triangle.T), fold.tested @ basis, basis)

    def predict(self, parameters: np.ndarray) -> np.ndarray:
        """Numbers of the classes (m,) by parameters (K * (r + 1),)."""
        shaped = parameters.reshape(-1, self.x.shape[1] + 1)
        return (self.tested @ shaped[:, :-1].T + shaped[:, -1]).argmax(axis=1)

    def steepest(self, gradient: np.ndarray, bound: float) -> float:
        """Largest part of a gradient (K * (r + 1),) by D coefficients and the intercepts.

        May be any number above or below the bound where that is sure without the basis.
        """
        gradient = gradient.reshape(-1, self.x.shape[1] + 1)
        length = np.linalg.norm(gradient)
        by_intercept = np.abs(gradient[:, -1]).max()
        if self.basis is None:
            return np.abs(gradient).max()
        parts = gradient.shape[0] * (self.basis.shape[0] + 1)
        if length <= bound or length > bound * np.sqrt(parts) or by_intercept > bound:
            return max(by_intercept, length if length <= bound else length / np.sqrt(parts))
        return max(by_intercept, np.abs(gradient[:, :-1] @ self.basis.T).max())
