"""The five classifiers and their grids (paper section 2.2), as released."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from serab.estimators.forest import predict_forests
from serab.estimators.grid import Candidate, once_if_balanced
from serab.estimators.lda import ShrunkLDA
from serab.estimators.logistic import SummedLossLogisticRegression
from serab.estimators.logistic_grid import predict_logistic
from serab.estimators.qda import CollinearQDA, predict_qdas
from serab.estimators.svm import predict_svms

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
        ),
        Candidate(
            "SVC",
            SVC(max_iter=10_000, random_state=SEED),
            {"kernel": ["rbf", "linear"], "C": _C, "class_weight": _WEIGHTS},
            once_if_balanced(predict_svms),
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


def check_classifiers(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names as given, or all of them for None.

    Raises:
        ValueError: one that isn't among `CLASSIFIERS`, or none at all.
    """
    if names is None:
        return tuple(CLASSIFIERS)
    is_single = isinstance(names, str) or not isinstance(names, Sequence)  # a number, say
    chosen = (str(names),) if is_single else tuple(names)
    unknown = [name for name in chosen if name not in CLASSIFIERS]
    if unknown or not chosen:
        raise ValueError(
            f"classifiers={list(chosen)}: expected a list from {', '.join(CLASSIFIERS)}."
        )
    return chosen
