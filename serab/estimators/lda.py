"""Linear discriminant analysis with Ledoit-Wolf shrinkage, without the matrix of all dimensions.

scikit-learn's `lsqr` solver builds each class' covariance (D, D), adds them up and solves by an SVD
of the sum: minutes for 6,373 dimensions. But a shrunk covariance is W'W plus a diagonal, with one
row of W an utterance, so Woodbury's identity solves it in the (n, n) matrix of utterances, and the
shrinkage needs no more than the products between utterances of a class. The values are the same.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import linalg
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import validate_data


class ShrunkLDA(LinearDiscriminantAnalysis):
    """`LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")`, equal to 1e-8, much faster.

    Raises:
        ValueError: under two classes, or no more utterances than classes.
    """

    def __init__(self) -> None:
        super().__init__(solver="lsqr", shrinkage="auto")

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit (n, D) embeddings and (n,) labels."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_, of_class, counts = np.unique(y, return_inverse=True, return_counts=True)
        if len(self.classes_) < 2 or len(y) <= len(self.classes_):
            raise ValueError(
                f"LDA: {len(y)} training utterances of {len(self.classes_)} class(es); it needs "
                "two classes or more, and more utterances than classes."
            )
        self.priors_ = counts / len(y)
        self.means_ = np.stack([X[of_class == k].mean(axis=0) for k in range(len(counts))])
        rows, diagonal = np.empty_like(X), np.zeros(X.shape[1])
        for k, prior in enumerate(self.priors_):
            members = of_class == k
            scaler = StandardScaler()
            standardised = scaler.fit_transform(X[members])
            shrinkage, mean_variance = ledoit_wolf(standardised)
            weight = np.sqrt(prior * (1 - shrinkage) / len(standardised))
            rows[members] = weight * standardised * scaler.scale_
            diagonal += prior * shrinkage * mean_variance * scaler.scale_**2
        self.coef_ = _solve(rows, diagonal, self.means_)
        self.intercept_ = -0.5 * (self.means_ * self.coef_).sum(axis=1) + np.log(self.priors_)
        if len(self.classes_) == 2:  # one boundary
            self.coef_ = self.coef_[1:] - self.coef_[:1]
            self.intercept_ = self.intercept_[1:] - self.intercept_[:1]
        return self


def ledoit_wolf(centred: np.ndarray) -> tuple[float, float]:
    """Ledoit and Wolf's shrinkage (2004), and the mean variance that it shrinks to.

    Args:
        centred: (n, D) with means of zero.
    """
    n, dimensions = centred.shape
    squares = centred**2
    mean_variance = squares.sum() / n / dimensions
    products = centred @ centred.T if n < dimensions else centred.T @ centred
    frobenius = (products**2).sum() / n**2  # of the covariance, from either side
    fourth = (squares.sum(axis=1) ** 2).sum()  # all sums of products of squares
    beta = (fourth / n - frobenius) / (dimensions * n)
    delta = (frobenius - dimensions * mean_variance**2) / dimensions
    beta = min(beta, delta)
    return (0.0 if beta == 0 else beta / delta), mean_variance


def _solve(rows: np.ndarray, diagonal: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Coefficients (K, D) with (rows' rows + diag(diagonal)) coefficients' = means'."""
    n, dimensions = rows.shape
    try:
        if n < dimensions:
            with np.errstate(divide="ignore", invalid="ignore"):  # a diagonal of zeros: see below
                scaled = rows / diagonal
                within = scaled @ rows.T
                within[np.diag_indices(n)] += 1
                factor = linalg.cho_factor(within, overwrite_a=True)
                inner = linalg.cho_solve(factor, scaled @ means.T)
                coefficients = means / diagonal - inner.T @ scaled
        else:
            covariance = rows.T @ rows
            covariance[np.diag_indices(dimensions)] += diagonal
            factor = linalg.cho_factor(covariance, overwrite_a=True)
            coefficients = linalg.cho_solve(factor, means.T).T
        if np.isfinite(coefficients).all():
            return coefficients
    except (linalg.LinAlgError, ValueError):
        pass  # singular: nothing was shrunk, and some direction has no variance
    covariance = rows.T @ rows + np.diag(diagonal)
    return linalg.lstsq(covariance, means.T)[0].T
