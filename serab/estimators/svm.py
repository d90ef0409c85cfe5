"""Support vector machines of a grid: one kernel matrix for all values of C and class weights.

libsvm computes the kernel between two utterances whenever its cache of a fit lacks it, D products
each time. Given the matrix it takes the same steps on the same values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.svm import SVC

from serab.estimators.grid import Fold, Point, Workers, predict_each

_MOST_BYTES = 4e9
"""Of the matrices: enough for 15,000 utterances and a half more to predict."""


def predict_svms(
    estimator: BaseEstimator, points: Sequence[Point], fold: Fold, workers: Workers
) -> list[np.ndarray]:
    """`PredictGrid` for SVC and SVR with rbf (gamma "scale") and linear kernels.

    Memory: one (n, n) and one (m, n) matrix at a time, float64, shared by the threads. Where they
    would be larger than 4 GB, libsvm fits each point from the embeddings, in memory that is flat.

    Raises:
        ValueError: another kernel or gamma.
    """
    kernels = [point.get("kernel", estimator.kernel) for point in points]
    if unknown := {*kernels} - {"rbf", "linear"}:
        raise ValueError(f"kernel={unknown.pop()}: expected rbf or linear.")
    if estimator.gamma != "scale":
        raise ValueError(f"gamma={estimator.gamma}: expected scale.")
    if 8 * len(fold.x) * (len(fold.x) + len(fold.tested)) > _MOST_BYTES:
        return predict_each(estimator, points, fold, workers)
    fitted, tested = fold.x @ fold.x.T, fold.tested @ fold.x.T
    predictions: dict[int, np.ndarray] = {}

    def predict(position: int) -> np.ndarray:
        model = clone(estimator).set_params(**{**points[position], "kernel": "precomputed"})
        return model.fit(fitted, fold.y).predict(tested)

    for kernel in ("linear", "rbf"):  # the second is made of the first, in its place
        chosen = [k for k, name in enumerate(kernels) if name == kernel]
        if kernel == "rbf" and chosen:
            _to_rbf(fold, fitted, tested)
        predictions |= dict(zip(chosen, workers.map(predict, chosen), strict=True))
    return [predictions[k] for k in range(len(points))]


def fit_svm(estimator: SVC, x: np.ndarray, y: np.ndarray) -> SVC:
    """Fit (n, D) embeddings and (n,) labels by the matrix that the grid takes too, where it fits.

    What scikit-learn remembers of the embeddings is put in afterwards: it predicts from these.
    """
    if 8 * len(x) ** 2 > _MOST_BYTES:
        return estimator.fit(x, y)
    kernel, fold, products = estimator.kernel, Fold(x, y, x[:0]), x @ x.T
    if kernel == "rbf":
        _to_rbf(fold, products, np.empty((0, len(x))))
    estimator.set_params(kernel="precomputed").fit(products, y).set_params(kernel=kernel)
    estimator.support_vectors_ = x[estimator.support_]
    estimator.shape_fit_, estimator.n_features_in_ = x.shape, x.shape[1]
    estimator._gamma = _scaled_gamma(x)
    return estimator


def _scaled_gamma(x: np.ndarray) -> float:
    variance = x.var()
    return 1.0 / (x.shape[1] * variance) if variance != 0 else 1.0


def _to_rbf(fold: Fold, fitted: np.ndarray, tested: np.ndarray) -> None:
    """Products of utterances to exp(-gamma * squared distance), in place."""
    gamma = _scaled_gamma(fold.x)
    squares = fitted.diagonal().copy()
    for products, norms in ((fitted, squares), (tested, (fold.tested**2).sum(axis=1))):
        products *= -2
        products += norms[:, None]
        products += squares
        products *= -gamma
        np.exp(products, out=products)
