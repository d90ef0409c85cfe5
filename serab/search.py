"""Embeddings under a protocol: normalised, searched on validation, tested."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from serab.protocol import Protocol
from serab.results.records import estimator_params
from serab.scores import accuracy

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from serab.estimators.grid import Candidate


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
class Searched:
    """The grid point that is best on validation, and its score there.

    `by_layer` has the best score of each layer, where there are several.
    """

    params: dict[str, Any]
    val_score: float
    seconds: float
    by_layer: tuple[float, ...] = ()


class PreparedTask:
    """A task whose embeddings are normalised as the protocol says; what estimators are run on.

    `embeddings` are float64 (N, D). Where the protocol standardises them by the utterances that are
    fitted on, they are as they came.
    """

    def __init__(self, task: Task, protocol: Protocol, jobs: int = -1):
        self.task, self.protocol, self.jobs = task, protocol, jobs
        self.embeddings = (
            normalise_by_speaker(task)
            if protocol.per_speaker
            else task.embeddings.astype(np.float64)
        )
        if not np.isfinite(self.embeddings).all():
            rows = np.flatnonzero(~np.isfinite(self.embeddings).all(axis=1))
            raise ValueError(
                f"{len(rows)} of {len(self.embeddings)} embeddings have values that aren't finite "
                "numbers; look into the extractor."
            )

    def search(
        self, candidate: Candidate, score: Callable[[np.ndarray, np.ndarray], float] = accuracy
    ) -> Searched:
        """Grid search: fit on training, score on validation; the first of equal points wins.

        What it chooses is what `GridSearchCV` over the same points would.

        Args:
            score: of (true, predicted), larger is better. Only by `accuracy` are points spared
                that can't win (`Fold.expected`).

        Raises:
            ValueError: this classifier can't be fitted on these utterances.
        """
        from sklearn.model_selection import ParameterGrid

        started, n_fit = time.perf_counter(), self.task.n_fit
        points = list(ParameterGrid(dict(candidate.grid)))
        true = self.task.targets[self.task.n_train : n_fit]
        expected = true if score is accuracy else None
        predictions = self._predict(candidate, points, self.task.n_train, n_fit, expected)
        scores = [score(true, predicted) for predicted in predictions]
        best = int(np.argmax(scores))
        return Searched(points[best], scores[best], time.perf_counter() - started)

    def predict_test(self, candidate: Candidate, params: Mapping[str, Any]) -> np.ndarray:
        """Fit on training and validation with `params`, and predict the test part."""
        points = [estimator_params(params)]
        return self._predict(candidate, points, self.task.n_fit, len(self.embeddings))[0]

    def at(self, params: Mapping[str, Any]) -> PreparedTask:
        """The task at the layer that a grid point names; here there is one."""
        return self

    def fit(self, candidate: Candidate, params: Mapping[str, Any], fitted: int) -> Pipeline:
        """The candidate itself, fitted on the first utterances: it predicts as the grid did.

        What it is given is normalised per speaker already where the protocol says so.
        """
        from sklearn.base import clone
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        x, steps = self.embeddings[:fitted], []
        if not self.protocol.per_speaker:
            scaler = StandardScaler().fit(x)
            x, steps = scaler.transform(x), [("scaler", scaler)]
        estimator = clone(candidate.estimator).set_params(**estimator_params(params))
        estimator = candidate.fit(estimator, x, self.task.targets[:fitted])
        return Pipeline([*steps, ("classifier", estimator)])

    def _predict(
        self,
        candidate: Candidate,
        points: Sequence[Mapping[str, Any]],
        fitted: int,
        end: int,
        expected: np.ndarray | None = None,
    ) -> list[np.ndarray]:
        """Fit each point on the first utterances, and predict those from there to the end."""
        from sklearn.preprocessing import StandardScaler

        from serab.estimators.grid import Fold, Workers, predict_grid

        x, tested = self.embeddings[:fitted], self.embeddings[fitted:end]
        if not self.protocol.per_speaker:
            scaler = StandardScaler().fit(x)
            x, tested = scaler.transform(x), scaler.transform(tested)
        workers = Workers(self.jobs)
        fold = Fold(x, self.task.targets[:fitted], tested, expected)
        try:
            return predict_grid(candidate.predict, candidate.estimator, points, fold, workers)
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
            of_speaker = task.embeddings[rows].astype(np.float64)
            std = of_speaker.std(axis=0)
            # a dimension that this speaker never moves stays zero
            normalised[rows] = (of_speaker - of_speaker.mean(axis=0)) / np.where(std > 0, std, 1)
    return normalised
