"""The two protocols: how a task is normalised, which classifier counts, what touches the test."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid
from sklearn.preprocessing import StandardScaler

from serab.grid import Fold, PredictGrid, Workers, predict_each, predict_grid
from serab.scores import accuracy


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
    """An estimator, the grid that validation chooses from, and how a grid's points are fitted."""

    name: str
    estimator: BaseEstimator
    grid: Mapping[str, list[Any]]
    predict: PredictGrid = predict_each


@dataclass(frozen=True)
class Searched:
    """The grid point that is best on validation, and its score there."""

    params: dict[str, Any]
    val_score: float
    seconds: float


class PreparedTask:
    """A task whose embeddings are normalised as the protocol says; what estimators are run on."""

    def __init__(self, task: Task, protocol: Protocol, jobs: int = -1):
        self.task, self.protocol, self.workers = task, protocol, Workers(jobs)
        self._embeddings = (
            normalise_by_speaker(task)
            if protocol.per_speaker
            else task.embeddings.astype(np.float64)
        )
        if not np.isfinite(self._embeddings).all():
            rows = np.flatnonzero(~np.isfinite(self._embeddings).all(axis=1))
            raise ValueError(
                f"{len(rows)} of {len(self._embeddings)} embeddings have values that aren't finite "
                "numbers; look into the extractor."
            )

    def search(
        self, candidate: Candidate, score: Callable[[np.ndarray, np.ndarray], float] = accuracy
    ) -> Searched:
        """Grid search: fit on training, score on validation; the first of equal points wins.

        What it chooses is what `GridSearchCV` over the same points would.

        Args:
            score: of (true, predicted), larger is better.

        Raises:
            ValueError: this classifier can't be fitted on these utterances.
        """
        started, n_fit = time.perf_counter(), self.task.n_fit
        points = list(ParameterGrid(dict(candidate.grid)))
        predictions = self._predict(candidate, points, self.task.n_train, n_fit)
        true = self.task.targets[self.task.n_train : n_fit]
        scores = [score(true, predicted) for predicted in predictions]
        best = int(np.argmax(scores))
        return Searched(points[best], scores[best], time.perf_counter() - started)

    def predict_test(self, candidate: Candidate, params: Mapping[str, Any]) -> np.ndarray:
        """Fit on training and validation with `params`, and predict the test part."""
        return self._predict(candidate, [params], self.task.n_fit, len(self._embeddings))[0]

    def _predict(
        self, candidate: Candidate, points: Sequence[Mapping[str, Any]], fitted: int, end: int
    ) -> list[np.ndarray]:
        """Fit each point on the first utterances, and predict those from there to the end."""
        x, tested = self._embeddings[:fitted], self._embeddings[fitted:end]
        if not self.protocol.per_speaker:
            scaler = StandardScaler().fit(x)
            x, tested = scaler.transform(x), scaler.transform(tested)
        fold = Fold(x, self.task.targets[:fitted], tested)
        try:
            return predict_grid(candidate.predict, candidate.estimator, points, fold, self.workers)
        except ValueError as error:
            reason = str(error).removeprefix(f"{candidate.name}: ")
            raise CannotFit(f"{candidate.name} can't be fitted: {reason}") from error


class CannotFit(ValueError):
    """The classifier has no answer for these utterances, such as a class with one of them."""


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
