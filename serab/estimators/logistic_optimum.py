"""Logistic regressions at their optimum, and whether that is where scikit-learn stops.

Where utterances outnumber dimensions, scikit-learn's L-BFGS takes thousands of steps, most of them
along directions in which embeddings hardly vary. With each direction in units of its curvature the
same loss takes some hundred. The end is another point within the same tolerance: predictions that
stand still while the gradient falls to a tenth are those of scikit-learn's stop as well, and
whoever needs the others has to take its steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize

from serab.estimators.logistic_losses import Ask


@dataclass(frozen=True)
class Directions:
    """The directions in which embeddings vary, (D, D) in columns, and their variances (D,)."""

    basis: np.ndarray
    variances: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Directions:
        """Of embeddings (n, D)."""
        variances, basis = eigh(x.T @ x / len(x), overwrite_a=True, check_finite=False)
        return cls(basis, np.maximum(variances, 0.0))

    def units(self, classes: int, l2: float) -> np.ndarray:
        """A step's length along each of K * (D + 1) parameters, from the loss's curvature there.

        An utterance's own curvature is p (1 - p), which is smaller where the penalty is; by how
        much was tried on embeddings of CREMA-D's and IEMOCAP's size and only changes the time.
        """
        curvature = min(0.05, 0.08 * l2**0.6)
        slopes = 1 / np.sqrt(curvature * self.variances + l2)
        return np.tile(np.append(slopes, 1 / np.sqrt(curvature)), classes)


@dataclass(frozen=True)
class Optimum:
    """Parameters (K * (D + 1),) at the optimum, and those where the gradient was ten times larger.

    `before` is None where no step ended there.
    """

    parameters: np.ndarray
    before: np.ndarray | None


def find_optimum(
    ask: Ask,
    units: np.ndarray,
    steepest: Callable[[np.ndarray, float], float],
    tolerance: float,
    max_iter: int,
) -> Optimum:
    """L-BFGS from zero to a tenth of the tolerance, or until the loss falls no more.

    Args:
        units: of the parameters, see `Directions.units`.
        steepest: of (gradient, bound), `Space.steepest`.
    """
    gradient = np.full_like(units, np.inf)
    passed: list[np.ndarray] = []  # the first parameters below each bound
    ahead = [times * tolerance for times in (100.0, 10.0, 1.0, 0.1)]

    def asked(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal gradient
        loss, gradient = ask(scaled * units)
        return loss, gradient * units

    def look(scaled: np.ndarray) -> None:
        nonlocal ahead
        count = 0
        while count < len(ahead) and steepest(gradient, ahead[count]) <= ahead[count]:
            count += 1
        if count:
            passed.append(scaled * units)
            ahead = ahead[count:]
        if not ahead:
            raise StopIteration

    end = minimize(
        asked,
        np.zeros_like(units),
        method="L-BFGS-B",
        jac=True,
        callback=look,
        options={
            "maxiter": max_iter,
            "maxls": 50,
            "gtol": 0.0,
            "ftol": 64 * np.finfo(float).eps,
        },
    ).x
    return Optimum(end * units, passed[-2] if len(passed) > 1 else None)
