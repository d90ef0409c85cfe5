"""The five classifiers and their grids (paper section 2.2), as released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from serab.logistic import SummedLossLogisticRegression
from serab.qda import CollinearQDA

SEED = 42
_C = [10.0**exponent for exponent in range(5, -6, -1)]
_WEIGHTS = ["balanced", None]


@dataclass(frozen=True)
class Classifier:
    """An estimator and the grid that validation chooses from."""

    name: str
    estimator: ClassifierMixin
    grid: Mapping[str, list[Any]]


CLASSIFIERS: dict[str, Classifier] = {
    classifier.name: classifier
    for classifier in (
        Classifier("LDA", LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"), {}),
        Classifier("QDA", CollinearQDA(), {"reg_param": [0.0, 0.1, 0.25]}),
        Classifier(
            "LR",
            SummedLossLogisticRegression(max_iter=10_000, random_state=SEED),
            {"C": _C, "class_weight": _WEIGHTS},
        ),
        Classifier(
            "SVC",
            SVC(max_iter=10_000, random_state=SEED),
            {"kernel": ["rbf", "linear"], "C": _C, "class_weight": _WEIGHTS},
        ),
        Classifier(
            "RF",
            RandomForestClassifier(random_state=SEED),
            {
                "max_depth": [5, 10, 15, 20, 25],
                "min_samples_split": [2, 5, 10],
                "class_weight": _WEIGHTS,
            },
        ),
    )
}
"""Cheap ones first: a screen shows numbers early."""
