"""The two protocols: how a task is normalised, which classifier counts, what touches the test."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class Protocol:
    """`reports` names the mark of the results that count: "best_on_test" or "selected"."""

    name: str
    summary: str
    details: tuple[str, ...]
    per_speaker: bool
    reports: str

    @property
    def tests_all(self) -> bool:
        """Whether every classifier touches the test part, or only the selected one."""
        return self.reports == "best_on_test"


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "published",
            "how Table 3 of the paper was made, its leaks included",
            (
                "speakers are split by the released ids: for SHE these are utterance numbers and "
                "for IEM the side that wears the markers, so true speakers leak there",
                "CAF has six classes: the 72 neutral utterances are left out",
                "embeddings are normalised per speaker within each part, which uses the identities "
                "of the test speakers (transductive)",
                "each of the five classifiers is searched on validation, fitted on training and "
                "validation, and tested",
                "the reported accuracy is that of the classifier that is best on the test part, "
                "so it is optimistic",
            ),
            per_speaker=True,
            reports="best_on_test",
        ),
        Protocol(
            "strict",
            "true speakers, nothing of the test part is used before the end",
            (
                "true speakers are split by the same rule; all classes stay in",
                "embeddings are standardised by mean and deviation of the utterances that the "
                "classifier is fitted on; test identities aren't used",
                "classifier and parameters are chosen on validation, fitted again on training and "
                "validation, and only the chosen one is tested, once",
            ),
            per_speaker=False,
            reports="selected",
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        ValueError: no such protocol; names those there are.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"protocol={name}: expected one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


def split_seeds(protocol: Protocol, splits: int) -> range:
    """Seeds of the speaker splits to run: 0 is the released one.

    Raises:
        ValueError: none, or several under the published protocol, whose split is fixed.
    """
    if not isinstance(splits, int) or splits < 1:
        raise ValueError(f"splits={splits}: expected a number from 1 on.")
    if splits > 1 and protocol.name == "published":
        raise ValueError(
            f"splits={splits}: the published protocol has one split; add protocol=strict."
        )
    return range(splits)


@dataclass(frozen=True)
class Task:
    """Embeddings (N, D) in the order training, validation, test; targets and speakers (N,)."""

    embeddings: np.ndarray
    targets: np.ndarray
    speakers: np.ndarray
    n_train: int
    n_validation: int

    @property
    def n_fit(self) -> int:
        """Training and validation utterances: they come first."""
        return self.n_train + self.n_validation

    @property
    def test_targets(self) -> np.ndarray:
        return self.targets[self.n_fit :]


@dataclass(frozen=True)
class Candidate:
    """An estimator and the grid that validation chooses from."""

    name: str
    estimator: BaseEstimator
    grid: Mapping[str, list[Any]]


@dataclass(frozen=True)
class Searched:
    """The grid point that is best on validation, and its score there."""

    params: dict[str, Any]
    val_score: float
    seconds: float


class PreparedTask:
    """A task whose embeddings are normalised as the protocol says; what estimators are run on."""

    def __init__(self, task: Task, protocol: Protocol, jobs: int = -1):
        self.task, self.protocol, self.jobs = task, protocol, jobs
        self._embeddings = (
            normalise_by_speaker(task)
            if protocol.per_speaker
            else task.embeddings.astype(np.float64)
        )

    def search(self, candidate: Candidate, scoring="accuracy") -> Searched:
        """Grid search: fit on training, score on validation; the first of equal points wins."""
        started, task = time.perf_counter(), self.task
        fold = np.r_[np.full(task.n_train, -1), np.zeros(task.n_validation, dtype=int)]
        grid = {f"estimator__{key}": list(values) for key, values in candidate.grid.items()}
        search = GridSearchCV(
            self._pipeline(candidate),
            grid,
            scoring=scoring,
            cv=PredefinedSplit(fold),
            n_jobs=self.jobs if grid else 1,
            refit=False,
            error_score="raise",
        )
        # one thread a process: threads within processes only wait for each other
        with parallel_config(backend="loky", inner_max_num_threads=1), threadpool_limits(1):
            search.fit(self._embeddings[: task.n_fit], task.targets[: task.n_fit])
        params = {k.removeprefix("estimator__"): v for k, v in search.best_params_.items()}
        return Searched(params, float(search.best_score_), time.perf_counter() - started)

    def predict_test(self, candidate: Candidate, params: Mapping[str, Any]) -> np.ndarray:
        """Fit on training and validation with `params`, and predict the test part."""
        model = self._pipeline(candidate)
        model.set_params(**{f"estimator__{key}": value for key, value in params.items()})
        with threadpool_limits(1):
            model.fit(self._embeddings[: self.task.n_fit], self.task.targets[: self.task.n_fit])
            return model.predict(self._embeddings[self.task.n_fit :])

    def _pipeline(self, candidate: Candidate) -> Pipeline:
        scaler = "passthrough" if self.protocol.per_speaker else StandardScaler()
        return Pipeline([("scaler", scaler), ("estimator", clone(candidate.estimator))])


def normalise_by_speaker(task: Task) -> np.ndarray:
    """Each speaker's embeddings to zero mean and unit variance, within each part, (N, D).

    It uses the identities of the test speakers: transductive, as released.
    """
    normalised = np.empty(task.embeddings.shape, dtype=np.float64)
    bounds = (0, task.n_train, task.n_fit, len(task.embeddings))
    for start, end in itertools.pairwise(bounds):
        for speaker in np.unique(task.speakers[start:end]):
            rows = start + np.flatnonzero(task.speakers[start:end] == speaker)
            own = task.embeddings[rows].astype(np.float64)
            std = own.std(axis=0)
            # a dimension that this speaker never moves stays zero
            normalised[rows] = (own - own.mean(axis=0)) / np.where(std > 0, std, 1)
    return normalised
