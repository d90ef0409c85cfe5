"""Whether the compiled trees still are scikit-learn's: a small forest of both, once a process.

The trees follow scikit-learn's order of random draws, which another release may change. Where a
small forest comes out different, forests are fitted by scikit-learn itself: slower, never wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from sklearn import __version__
from sklearn.ensemble import RandomForestClassifier

from serab.estimators.grid import Fold, Point, Workers

log = logging.getLogger(__name__)

ForestShares = Callable[[RandomForestClassifier, Sequence[Point], Fold, Workers], list[np.ndarray]]
"""(estimator, points, fold, workers) -> the (m, K) mean probabilities of each point."""

_POINTS: tuple[Point, ...] = (
    {"max_depth": None, "min_samples_split": 2, "class_weight": None},
    {"max_depth": 4, "min_samples_split": 5, "class_weight": "balanced"},
)


@cache
def equals_scikit_learn(shares: ForestShares) -> bool:
    """Whether `shares` gives scikit-learn's probabilities to the bit; warns where it doesn't.

    The forests have ties, constant features, nodes large and small, and both ways of drawing.
    """
    random = np.random.default_rng(0)
    x = random.normal(size=(150, 12))
    x[:, 3:6], x[:, 6] = np.round(x[:, 3:6]), 0.5
    fold = Fold(x[:120], np.digitize(x[:120, 0] + x[:120, 3], (-1.0, 0.5)), x[120:])
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    ours = shares(forest, _POINTS, fold, Workers(1))
    for point, answer in zip(_POINTS, ours, strict=True):
        plain = RandomForestClassifier(n_estimators=5, random_state=0, **point)
        if not np.array_equal(answer, plain.fit(fold.x, fold.y).predict_proba(fold.tested)):
            log.warning(
                "random forests: scikit-learn %s grows other trees than the compiled ones here, "
                "so it fits the forests itself; this takes longer.",
                __version__,
            )
            return False
    return True
