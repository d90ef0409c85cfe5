"""Random forests of a grid: features ranked once, and no tree that the limits wouldn't change.

scikit-learn grows a tree depth first from one stream of random numbers, so a tree with a smaller
`max_depth` is not the same tree cut off. But where the looser limits never let a node be split that
the tighter ones forbid, both trees are the same to the bit; on small corpora that holds for most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils.class_weight import compute_sample_weight

from serab.estimators.forest_check import equals_scikit_learn
from serab.estimators.grid import Fold, Point, Workers, predict_each

if TYPE_CHECKING:
    from serab.estimators.tree import GrownTree

_SEARCHED = {"max_depth", "min_samples_split", "class_weight"}
_UNLIMITED = np.iinfo(np.int64).max


@dataclass(frozen=True)
class _Limits:
    """What a tree may do: a depth, and the size of a node that may be split."""

    depth: int
    size: int

    def would_keep(self, tree: GrownTree, grown_under: _Limits) -> bool:
        """Whether these limits give the tree that was grown under those looser ones."""
        looser = grown_under.depth >= self.depth and grown_under.size <= self.size
        return looser and tree.deepest_tried < self.depth and tree.smallest_tried >= self.size


def predict_forests(
    estimator: RandomForestClassifier, points: Sequence[Point], fold: Fold, workers: Workers
) -> list[np.ndarray]:
    """`PredictGrid` for random forests over max_depth, min_samples_split and class_weight.

    Memory: the features once as float32 and as ranks (n, D), shared by the threads. Forests with
    other settings than these, and all where a small one shows that scikit-learn's trees aren't the
    ones here, are fitted one by one by scikit-learn.
    """
    settings = [{**estimator.get_params(), **point} for point in points]
    searched = {key for point in points for key in point}
    plain = not searched - _SEARCHED and all(_is_plain(point) for point in settings)
    if not plain or not equals_scikit_learn(forest_shares):
        return predict_each(estimator, points, fold, workers)
    classes = np.unique(fold.y)
    shares = forest_shares(estimator, points, fold, workers)
    return [classes[probabilities.argmax(axis=1)] for probabilities in shares]


def forest_shares(
    estimator: RandomForestClassifier, points: Sequence[Point], fold: Fold, workers: Workers
) -> list[np.ndarray]:
    """The probabilities (m, K) by each point's forest, equal to scikit-learn's."""
    from serab.estimators.tree import grow_tree, ranked  # numba; where no forest is searched, not

    settings = [{**estimator.get_params(), **point} for point in points]
    classes, targets = np.unique(fold.y, return_inverse=True)
    random = np.random.RandomState(estimator.random_state)
    seeds = [random.randint(np.iinfo(np.int32).max) for _ in range(estimator.n_estimators)]
    features, tested = ranked(fold.x), fold.tested.astype(np.float32)
    max_features = max(1, int(np.sqrt(fold.x.shape[1])))
    limits = [
        _Limits(point["max_depth"] or _UNLIMITED, point["min_samples_split"]) for point in settings
    ]
    loosest_first = sorted(range(len(points)), key=lambda k: (-limits[k].depth, limits[k].size))
    weights = {
        point["class_weight"]: point["class_weight"] and compute_sample_weight("balanced", fold.y)
        for point in settings
    }

    def grow(seed: int) -> list[np.ndarray]:
        """One tree of each forest: its answers (m, K)."""
        answers: dict[int, np.ndarray] = {}
        for class_weight, weight in weights.items():
            counts = _bootstrap(seed, len(fold.y), weight)
            grown: list[tuple[GrownTree, _Limits]] = []
            for k in loosest_first:
                if settings[k]["class_weight"] != class_weight:
                    continue
                tree = next((t for t, under in grown if limits[k].would_keep(t, under)), None)
                if tree is None:
                    tree = grow_tree(
                        features, targets, counts, tested, len(classes), seed,
                        limits[k].depth, limits[k].size, max_features,
                    )  # fmt: skip
                    grown.append((tree, limits[k]))
                answers[k] = tree.probabilities
        return [answers[k] for k in range(len(points))]

    sums = np.zeros((len(points), len(tested), len(classes)))
    for start in range(0, len(seeds), 2 * workers.threads):  # few answers in memory
        for answers in workers.map(grow, seeds[start : start + 2 * workers.threads]):
            for total, answer in zip(sums, answers, strict=True):
                total += answer  # in the trees' order, as a forest adds them
    return [total / len(seeds) for total in sums]


def _is_plain(settings: dict) -> bool:
    """Whether all but the searched settings are the defaults, for which `grow_tree` stands."""
    default = RandomForestClassifier().get_params()
    ours = ("n_estimators", "random_state", "n_jobs", "verbose", *_SEARCHED)
    same = all(settings[key] == value for key, value in default.items() if key not in ours)
    whole = isinstance(settings["min_samples_split"], int)
    return same and whole and settings["class_weight"] in (None, "balanced")


def _bootstrap(seed: int, n: int, weight: np.ndarray | None) -> np.ndarray:
    """How often each of n utterances is drawn; scikit-learn draws heavier ones more often."""
    random = np.random.RandomState(seed)
    if weight is None:
        rows = random.randint(0, n, n)
    else:
        rows = random.choice(n, n, replace=True, p=weight / np.sum(weight))
    return np.bincount(rows, minlength=n)
