"""Quadratic discriminant analysis for more dimensions than utterances, as published."""

from __future__ import annotations

import numpy as np
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.utils.validation import validate_data


class CollinearQDA(QuadraticDiscriminantAnalysis):
    """scikit-learn's QDA as it was when the paper's table was made.

    Up to version 1.6 a class with fewer utterances than dimensions was fitted within the space that
    its utterances span, with a warning; now it is an error. The published grids rest on it.

    Raises:
        ValueError: under two classes, or a class with a single utterance.
    """

    def fit(self, X, y):
        """Fit (n, D) embeddings and (n,) labels; per class, the SVD of its centred embeddings."""
        X, y = validate_data(self, X, y)
        self.classes_, counts = np.unique(y, return_counts=True)
        if len(self.classes_) < 2 or counts.min() < 2:
            few = self.classes_[counts.argmin()]
            raise ValueError(
                f"QDA: class {few} has {counts.min()} training utterance(s) of {len(self.classes_)}"
                " class(es); it needs two classes with two utterances each."
            )
        self.priors_ = counts / len(y)
        self.means_ = np.stack([X[y == label].mean(axis=0) for label in self.classes_])
        self.scalings_, self.rotations_ = [], []
        for label, mean, count in zip(self.classes_, self.means_, counts, strict=True):
            _, singular, axes = np.linalg.svd(X[y == label] - mean, full_matrices=False)
            variance = singular**2 / (count - 1)
            self.scalings_.append((1 - self.reg_param) * variance + self.reg_param)
            self.rotations_.append(axes.T)
        return self
