"""The five classifiers and their grids (paper section 2.2), as released."""

from __future__ import annotations

from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from serab.estimators.forest import predict_forests
from serab.estimators.grid import Candidate, once_if_balanced
from serab.estimators.lda import ShrunkLDA
from serab.estimators.logistic import SummedLossLogisticRegression
from serab.estimators.logistic_grid import fit_logistic, predict_logistic
from serab.estimators.qda import CollinearQDA, predict_qdas
from serab.estimators.svm import fit_svm, predict_svms

SEED = 42
_C = [10.0**exponent for exponent in range(5, -6, -1)]
_WEIGHTS = ["balanced", None]


CLASSIFIERS: dict[str, Candidate] = {
    classifier.name: classifier
    for classifier in (
        Candidate("LDA", ShrunkLDA(), {}),
        Candidate("QDA", CollinearQDA(), {"reg_param": [0.0, 0.1, 0.25]}, predict_qdas),
        Candidate(
            "LR",
            SummedLossLogisticRegression(max_iter=10_000, random_state=SEED),
            {"C": _C, "class_weight": _WEIGHTS},
            once_if_balanced(predict_logistic),
            fit_logistic,
        ),
        Candidate(
            "SVC",
            SVC(max_iter=10_000, random_state=SEED),
            {"kernel": ["rbf", "linear"], "C": _C, "class_weight": _WEIGHTS},
            once_if_balanced(predict_svms),
            fit_svm,
        ),
        Candidate(
            "RF",
            RandomForestClassifier(random_state=SEED),
            {
                "max_depth": [5, 10, 15, 20, 25],
                "min_samples_split": [2, 5, 10],
                "class_weight": _WEIGHTS,
            },
            predict_forests,
        ),
    )
}
"""Cheap ones first: a screen shows numbers early."""
