"""Quadratic discriminant analysis for more dimensions than utterances, as published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from sklearn.base import clone
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.utils.validation import validate_data

from serab.estimators.grid import Fold, Point, Workers


class CollinearQDA(QuadraticDiscriminantAnalysis):
    """scikit-learn's QDA as it was when the paper's table was made.

    Up to version 1.6 a class with fewer utterances than dimensions was fitted within the space that
    its utterances span, with a warning; now it is an error. The published grids rest on it.

    Raises:
        ValueError: under two classes, or a class with a single utterance.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit (n, D) embeddings and (n,) labels; per class, the SVD of its centred embeddings."""
        X, y, classes = self.check(X, y)
        return self._set([span(X[y == label]) for label in classes])

    def check(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take note of the classes and how common they are; the checked input and the classes."""
        X, y = validate_data(self, X, y)
        self.classes_, counts = np.unique(y, return_counts=True)
        if len(self.classes_) < 2 or counts.min() < 2:
            few = self.classes_[counts.argmin()]
            raise ValueError(
                f"QDA: class {few} has {counts.min()} training utterance(s) of {len(self.classes_)}"
                " class(es); it needs two classes with two utterances each."
            )
        self.priors_ = counts / len(y)
        return X, y, self.classes_

    def _set(self, spans: Sequence[Span]) -> Self:
        self.means_ = np.stack([members.mean for members in spans])
        self.rotations_ = [members.axes for members in spans]
        self.scalings_ = [(1 - self.reg_param) * s.variance + self.reg_param for s in spans]
        return self


class Span(NamedTuple):
    """Of a class: its mean (D,), and its variance (r,) along r axes (D, r)."""

    mean: np.ndarray
    variance: np.ndarray
    axes: np.ndarray


def span(members: np.ndarray) -> Span:
    """The span of a class' embeddings (n, D)."""
    mean = members.mean(axis=0)
    _, singular, axes = np.linalg.svd(members - mean, full_matrices=False)
    return Span(mean, singular**2 / (len(members) - 1), axes.T)


def predict_qdas(
    estimator: CollinearQDA, points: Sequence[Point], fold: Fold, workers: Workers
) -> list[np.ndarray]:
    """`PredictGrid` over reg_param, which only scales what one SVD a class gives."""
    models = [clone(estimator).set_params(**point) for point in points]
    classes = models[0].check(fold.x, fold.y)[2]
    spans = workers.map(span, [fold.x[fold.y == label] for label in classes])

    def predict(model: CollinearQDA) -> np.ndarray:
        model.check(fold.x, fold.y)
        return model._set(spans).predict(fold.tested)

    return workers.map(predict, models)
