"""The layer chosen on validation as other parameters are: the best point of all layers' grids.

A classifier is searched once a layer, so a search takes as many times as long as there are layers;
the pass over the recordings is one. The first of equal points wins: the lowest layer. Test
utterances are looked at by the chosen layer alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from serab.protocol import Protocol
from serab.results.records import LAYER
from serab.scores import accuracy
from serab.search import PreparedTask, Searched, Task

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from serab.estimators.grid import Candidate


class PreparedLayers:
    """A task at each layer of an extractor, as `serab.search.PreparedTask` is one; one in memory.

    Args:
        layers: their numbers, in the order in which equal points win.
        task_at: the task at a layer.
        protocol, jobs: as in `PreparedTask`.
    """

    def __init__(
        self,
        layers: Sequence[int],
        task_at: Callable[[int], Task],
        protocol: Protocol,
        jobs: int = -1,
    ):
        self._layers, self._task_at = tuple(layers), task_at
        self._protocol, self._jobs = protocol, jobs
        self._last: tuple[int, PreparedTask] | None = None

    @property
    def task(self) -> Task:
        """At one layer or another: all but the embeddings is the same at each."""
        return self.at({LAYER: self._layers[0] if self._last is None else self._last[0]}).task

    def at(self, params: Mapping[str, Any]) -> PreparedTask:
        """The task at the layer that a grid point names."""
        layer = params[LAYER]
        if self._last is None or self._last[0] != layer:
            self._last = None  # before the next one is there, so that one is in memory
            prepared = PreparedTask(self._task_at(layer), self._protocol, self._jobs)
            self._last = (layer, prepared)
        return self._last[1]

    def search(
        self, candidate: Candidate, score: Callable[[np.ndarray, np.ndarray], float] = accuracy
    ) -> Searched:
        """As `PreparedTask.search`, over layers and points; the layer is in the parameters."""
        started = time.perf_counter()
        found = [self.at({LAYER: layer}).search(candidate, score) for layer in self._layers]
        scores = [searched.val_score for searched in found]
        best = int(np.argmax(scores))
        params = {LAYER: self._layers[best], **found[best].params}
        return Searched(params, scores[best], time.perf_counter() - started, tuple(scores))

    def predict_test(self, candidate: Candidate, params: Mapping[str, Any]) -> np.ndarray:
        """As `PreparedTask.predict_test`, at the layer in `params`."""
        return self.at(params).predict_test(candidate, params)

    def fit(self, candidate: Candidate, params: Mapping[str, Any], fitted: int) -> Pipeline:
        """As `PreparedTask.fit`, at the layer in `params`."""
        return self.at(params).fit(candidate, params, fitted)
