"""One task, from embeddings to results, under a protocol chosen by name."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from threadpoolctl import threadpool_limits

from serab.classifiers import CLASSIFIERS, Classifier

PROTOCOLS = {
    "published": "how the paper's Table 3 was made: released splits, embeddings normalised per "
    "speaker within each part (test speakers' identities included), best classifier on test",
}


@dataclass(frozen=True)
class Task:
    """Embeddings (N, D) of a part-by-part ordered corpus, with labels and ids (N,)."""

    embeddings: np.ndarray
    emotions: np.ndarray
    groups: np.ndarray
    n_train: int
    n_validation: int

    @property
    def n_fit(self) -> int:
        """Training and validation utterances: they come first."""
        return self.n_train + self.n_validation


@dataclass(frozen=True)
class Searched:
    """A classifier after its grid search; `predicted` are its labels of the test part."""

    classifier: str
    params: dict[str, Any]
    val_accuracy: float
    predicted: np.ndarray
    seconds: float


def normalise_by_speaker(task: Task) -> np.ndarray:
    """Each speaker's embeddings to zero mean and unit variance, within each part.

    It uses the identities of the test speakers: transductive, as released.
    """
    normalised = np.empty(task.embeddings.shape, dtype=np.float64)
    bounds = (0, task.n_train, task.n_fit, len(task.embeddings))
    for start, end in itertools.pairwise(bounds):
        for group in np.unique(task.groups[start:end]):
            rows = start + np.flatnonzero(task.groups[start:end] == group)
            own = task.embeddings[rows].astype(np.float64)
            std = own.std(axis=0)
            # a dimension that this speaker never moves stays zero
            normalised[rows] = (own - own.mean(axis=0)) / np.where(std > 0, std, 1)
    return normalised


def search(
    task: Task, classifiers: Sequence[str] | None = None, jobs: int = -1
) -> Iterator[Searched]:
    """Grid search of each classifier under the published protocol, one result at a time.

    The grid is searched on the predefined split training / validation, the best point is fitted
    again on both, and predicts the test part.

    Args:
        task: the data.
        classifiers: names from `CLASSIFIERS`, by default all.
        jobs: processes for the points of a grid; -1 takes all processors.
    """
    embeddings = normalise_by_speaker(task)
    for name in CLASSIFIERS if classifiers is None else classifiers:
        yield _search_one(CLASSIFIERS[name], embeddings, task, jobs)


def _search_one(classifier: Classifier, embeddings: np.ndarray, task: Task, jobs: int) -> Searched:
    started = time.perf_counter()
    fold = np.r_[np.full(task.n_train, -1), np.zeros(task.n_validation, dtype=int)]
    grid = {key: list(values) for key, values in classifier.grid.items()}
    search = GridSearchCV(
        clone(classifier.estimator),
        grid,
        scoring="accuracy",
        cv=PredefinedSplit(fold),
        n_jobs=jobs if grid else 1,
        error_score="raise",
    )
    # one thread a process: threads within processes only wait for each other
    with parallel_config(backend="loky", inner_max_num_threads=1), threadpool_limits(1):
        search.fit(embeddings[: task.n_fit], task.emotions[: task.n_fit])
        predicted = search.predict(embeddings[task.n_fit :])
    return Searched(
        classifier.name,
        dict(search.best_params_),
        float(search.best_score_),
        predicted,
        time.perf_counter() - started,
    )


def check_protocol(name: str) -> None:
    """Raise ValueError for a name that isn't among `PROTOCOLS`."""
    if name not in PROTOCOLS:
        raise ValueError(f"protocol={name}: expected one of {', '.join(PROTOCOLS)}.")
