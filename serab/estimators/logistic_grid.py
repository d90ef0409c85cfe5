"""Logistic regressions of a grid: L-BFGS's steps for all points at once, in the utterances' span.

From zero, every step stays in the space that the utterances span. Where they are fewer than
dimensions, an orthonormal basis of that space turns (n, D) embeddings into (n, n), and L-BFGS,
which knows vectors by their products only, takes the same steps. With many utterances the points of
the grid step together, so one product with the embeddings serves them all. Each stops by itself and
where scikit-learn's would: by the largest part of the gradient in the original space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

import numpy as np
from scipy.linalg import qr
from scipy.optimize import minimize
from sklearn.utils.class_weight import compute_sample_weight

from serab.estimators.grid import Fold, Point, Workers, predict_each
from serab.estimators.logistic import SummedLossLogisticRegression

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
    space = _Space.of(fold)
    weights = [
        np.ones(len(targets)) if point["class_weight"] is None
        else compute_sample_weight(point["class_weight"], fold.y)
        for point in settings
    ]  # fmt: skip
    tolerance = estimator.tol / len(targets)

    def predict(group: Sequence[int]) -> list[np.ndarray]:
        """The predictions of some points, which step together."""
        losses = _Losses(
            space.x,
            targets,
            len(classes),
            np.stack([weights[k] for k in group]),
            np.array([settings[k]["C"] for k in group]),
        )
        solutions = _together(
            losses,
            lambda k, ask: _minimise(
                ask, losses.start, space, tolerance, settings[group[k]]["max_iter"]
            ),
        )
        shaped = [solution.reshape(len(classes), -1) for solution in solutions]
        return [classes[(space.tested @ c[:, :-1].T + c[:, -1]).argmax(axis=1)] for c in shaped]

    # large products are shared by many points; small ones cost less than waiting for each other
    groups = min(len(points), workers.threads if space.x.size > _LARGE else len(points))
    dealt = [range(start, len(points), groups) for start in range(groups)]
    predictions: dict[int, np.ndarray] = {}
    for group, predicted in zip(dealt, workers.map(predict, dealt), strict=True):
        predictions |= dict(zip(group, predicted, strict=True))
    return [predictions[k] for k in range(len(points))]


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

    def steepest(self, gradient: np.ndarray, bound: float) -> float:
        """Largest part of a gradient (K, r + 1) by the original D coefficients and the intercepts.

        May be any number above or below the bound where that is sure without the basis.
        """
        length = np.linalg.norm(gradient)
        by_intercept = np.abs(gradient[:, -1]).max()
        if self.basis is None:
            return np.abs(gradient).max()
        parts = gradient.shape[0] * (self.basis.shape[0] + 1)
        if length <= bound or length > bound * np.sqrt(parts) or by_intercept > bound:
            return max(by_intercept, length if length <= bound else length / np.sqrt(parts))
        return max(by_intercept, np.abs(gradient[:, :-1] @ self.basis.T).max())


class _Losses:
    """scikit-learn's mean losses of the points, and their gradients, by one pass over `x` (n, r).

    Args:
        weights: (points, n) of the utterances.
        C: (points,).
    """

    def __init__(
        self, x: np.ndarray, targets: np.ndarray, classes: int, weights: np.ndarray, C: np.ndarray
    ):
        self.x, self.targets, self.classes = x, targets, classes
        self.sums = weights.sum(axis=1)
        self.weights = weights / self.sums[:, None]
        self.l2 = 1 / (C * self.sums)
        self.start = np.zeros(classes * (x.shape[1] + 1))

    def __call__(self, points: np.ndarray, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Losses (p,) and gradients (p, K * (r + 1)) of some points at parameters of that shape."""
        count, n, rows = len(points), len(self.x), np.arange(len(self.x))
        parameters = parameters.reshape(count, self.classes, -1)
        slopes = np.ascontiguousarray(parameters[:, :, :-1])
        scores = (slopes.reshape(count * self.classes, -1) @ self.x.T).reshape(count, -1, n)
        scores += parameters[:, :, -1:]
        chosen = scores[:, self.targets, rows]  # (p, n)
        highest = scores.max(axis=1)
        scores -= highest[:, None]
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1)
        weights, l2 = self.weights[points], self.l2[points]
        losses = (weights * (np.log(sums) + highest - chosen)).sum(axis=1)
        losses += 0.5 * l2 * (slopes**2).sum(axis=(1, 2))
        scores *= (weights / sums)[:, None]
        scores[:, self.targets, rows] -= weights
        gradients = np.empty_like(parameters)
        by_slope = scores.reshape(count * self.classes, n) @ self.x
        gradients[:, :, :-1] = by_slope.reshape(slopes.shape) + l2[:, None, None] * slopes
        gradients[:, :, -1] = scores.sum(axis=2)
        return losses, gradients.reshape(count, -1)


Answer = tuple[float, np.ndarray]
Ask = Callable[[np.ndarray], Answer]


def _minimise(
    ask: Ask, start: np.ndarray, space: _Space, tolerance: float, max_iter: int
) -> np.ndarray:
    """scikit-learn's L-BFGS run, stopped by the gradient in the original space."""
    classes = len(start) // (space.x.shape[1] + 1)
    latest = np.full_like(start, np.inf)

    def asked(parameters: np.ndarray) -> Answer:
        nonlocal latest
        loss, latest = ask(parameters)
        return loss, latest

    def stop(_: np.ndarray) -> None:
        gradient = latest.reshape(classes, -1)
        if space.steepest(gradient, tolerance) <= tolerance:
            raise StopIteration

    rotated = space.basis is not None
    return minimize(
        asked,
        start,
        method="L-BFGS-B",
        jac=True,
        callback=stop if rotated else None,
        options={
            "maxiter": max_iter,
            "maxls": 50,
            "gtol": 0.0 if rotated else tolerance,
            "ftol": 64 * np.finfo(float).eps,
        },
    ).x


def _together(losses: _Losses, solve: Callable[[int, Ask], np.ndarray]) -> list[np.ndarray]:
    """Run `solve` for all points, each in a thread, and answer what they ask in one go.

    The answers of a round depend on all points that are still at work, but for rounding: each
    point's values are rows of one product.
    """
    count = len(losses.l2)
    if count == 1:
        return [solve(0, lambda x: tuple(value[0] for value in losses(np.array([0]), x[None])))]
    asked: SimpleQueue = SimpleQueue()
    answers: list[SimpleQueue] = [SimpleQueue() for _ in range(count)]
    done: dict[int, np.ndarray] = {}
    failed: list[BaseException] = []

    def work(k: int) -> None:
        def ask(parameters: np.ndarray) -> Answer:
            asked.put((k, parameters.copy()))
            answer = answers[k].get()
            if isinstance(answer, BaseException):
                raise answer
            return answer

        try:
            done[k] = solve(k, ask)
        except BaseException as error:  # raised again by the caller
            failed.append(error)
        asked.put((k, None))

    threads = [Thread(target=work, args=(k,), daemon=True) for k in range(count)]
    for thread in threads:
        thread.start()
    at_work, waiting = count, {}
    while at_work:
        k, parameters = asked.get()
        if parameters is None:
            at_work -= 1
        else:
            waiting[k] = parameters
        if at_work and len(waiting) == at_work:
            points = np.array(sorted(waiting))
            found: Iterable[Answer | BaseException]
            try:
                found = zip(*losses(points, np.stack([waiting[k] for k in points])), strict=True)
            except BaseException as error:  # the threads end with it
                found = [error] * len(points)
            waiting = {}
            for k, answer in zip(points, found, strict=True):
                answers[k].put(answer)
    if failed:
        raise failed[0]
    return [done[k] for k in range(count)]
