"""What a grid of logistic regressions minimises, in which space, and scikit-learn's way down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import qr
from scipy.optimize import minimize
from sklearn.utils.class_weight import compute_sample_weight

from serab.estimators.grid import Fold, Workers
from serab.estimators.logistic_losses import Answer, Ask, Losses, Solution, together

LARGE = 1_000_000
"""Numbers in the embeddings from which points step together."""


@dataclass(frozen=True)
class Space:
    """Embeddings (n, r) to fit and (m, r) to predict, and the basis (D, r) that they came by."""

    x: np.ndarray
    tested: np.ndarray
    basis: np.ndarray | None

    @classmethod
    def of(cls, fold: Fold) -> Space:
        if len(fold.x) >= fold.x.shape[1]:
            return cls(np.ascontiguousarray(fold.x), fold.tested, None)
        basis, triangle = qr(fold.x.T, mode="economic", check_finite=False)
        return cls(np.ascontiguousarray(triangle.T), fold.tested @ basis, basis)

    def predict(self, parameters: np.ndarray) -> np.ndarray:
        """Numbers of the classes (m,) by parameters (K * (r + 1),)."""
        shaped = parameters.reshape(-1, self.x.shape[1] + 1)
        return (self.tested @ shaped[:, :-1].T + shaped[:, -1]).argmax(axis=1)

    def original(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (K, D) and intercepts (K,) of parameters (K * (r + 1),)."""
        shaped = parameters.reshape(-1, self.x.shape[1] + 1)
        slopes = shaped[:, :-1] if self.basis is None else shaped[:, :-1] @ self.basis.T
        return slopes, shaped[:, -1]

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


@dataclass(frozen=True)
class Problem:
    """What is fitted: targets (n,) by number, weights (points, n), C (points,)."""

    targets: np.ndarray
    classes: int
    weights: np.ndarray
    C: np.ndarray
    tolerance: float
    max_iter: int

    @classmethod
    def of(cls, settings: Sequence[Mapping[str, Any]], y: np.ndarray) -> Problem:
        """Of the points' settings and labels (n,)."""
        classes, targets = np.unique(y, return_inverse=True)
        weights = [
            np.ones(len(y)) if point["class_weight"] is None
            else compute_sample_weight(point["class_weight"], y)
            for point in settings
        ]  # fmt: skip
        return cls(
            targets,
            len(classes),
            np.stack(weights),
            np.array([point["C"] for point in settings]),
            settings[0]["tol"] / len(y),
            settings[0]["max_iter"],
        )

    @property
    def l2(self) -> np.ndarray:
        return 1 / (self.C * self.weights.sum(axis=1))

    @property
    def is_free(self) -> np.ndarray:
        """Of which points (points,) a coefficient may be off by one half at scikit-learn's stop."""
        return self.tolerance / self.l2 > 0.5

    def solve(
        self,
        space: Space,
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
        count = min(len(points), workers.threads if space.x.size > LARGE else len(points))
        groups = [list(points[start::count]) for start in range(count)]
        found: dict[int, Solution] = {}
        for group, solutions in zip(groups, workers.map(solve_group, groups), strict=True):
            found |= dict(zip(group, solutions, strict=True))
        return found

    def stop_of(self, ask: Ask, space: Space) -> np.ndarray:
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
