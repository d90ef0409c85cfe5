"""One extractor on one task: split, embed, search, keep each result as soon as it is there.

`serab.classification` and `serab.regression` say what is predicted, scored and kept; the loop, and
that a kill costs one search at most, stand here once.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from serab.cache_folder import cache_root
from serab.draws import Draw
from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.embed.layers import EmbeddedLayers
from serab.extractors.base import Extractor
from serab.index import CorpusIndex, Utterance
from serab.layer_search import PreparedLayers
from serab.protocol import Protocol
from serab.results.records import ClassifierResult, LayerScores, RegressionResult
from serab.results.run_files import Rows, RunFiles
from serab.search import CannotFit, PreparedTask, Searched, Task
from serab.splits import Split, leak_report, speaker_ids

if TYPE_CHECKING:
    from serab.estimators.grid import Candidate

log = logging.getLogger(__name__)

Row = TypeVar("Row", ClassifierResult, RegressionResult)


class EmbeddedSplit:
    """A divided corpus, and the embeddings of its parts as soon as one asks for them.

    Args:
        extractor: the system under test.
        index: the corpus.
        parts: of it.
        cache: of embeddings and decoded audio.
    """

    def __init__(self, extractor: Extractor, index: CorpusIndex, parts: Split, cache: Cache):
        self.extractor, self.index, self.parts, self.cache = extractor, index, parts, cache
        self.order = np.concatenate([parts.train, parts.validation, parts.test])
        self.leaks = leak_report(index, parts)

    @property
    def source(self) -> tuple[str, str, str]:
        """What results depend on: where it differs from a result's, that one is stale."""
        return (self.index.digest, self.extractor.fingerprint, version("scikit-learn"))

    @property
    def utterances(self) -> list[Utterance]:
        """In the order training, validation, test."""
        return [self.index.utterances[i] for i in self.order]

    @property
    def test_speakers(self) -> list[str]:
        return sorted({self.index.utterances[i].speaker for i in self.parts.test})

    @cached_property
    def embeddings(self) -> np.ndarray:
        """float32 (N, D), in the order training, validation, test; of the last of layers."""
        if self.extractor.layers:
            return self.layers.at(self.extractor.layers[-1])
        return embed_corpus(self.extractor, self.index, self.parts.train, self.order, self.cache)

    @cached_property
    def layers(self) -> EmbeddedLayers:
        """All layers of the extractor."""
        return EmbeddedLayers(self.extractor, self.index, self.parts.train, self.order, self.cache)

    def task(self, targets: Sequence, layer: int | None = None) -> Task:
        """The task of predicting `targets`, one an utterance, in the same order; at a layer."""
        speakers = np.array(speaker_ids(self.index, self.parts.protocol))
        return Task(
            self.embeddings if layer is None else self.layers.at(layer),
            np.array(targets),
            speakers[self.order],
            len(self.parts.train),
            len(self.parts.validation),
        )


class TaskRunner(ABC, Generic[Row]):
    """How a run evaluates any task of a kind.

    Args:
        extractor: the system under test.
        protocol: the rules.
        files: where results are kept; what they already have isn't done again.
        jobs: threads for a grid; -1 takes all processors.
        cache: of embeddings and decoded audio; by default the one at `cache_root()`.
    """

    targets: Sequence[str] = ("emotion",)
    """Attributes of an utterance that are predicted, one after the other."""

    def __init__(
        self,
        extractor: Extractor,
        protocol: Protocol,
        files: RunFiles,
        jobs: int = -1,
        cache: Cache | None = None,
    ):
        self.extractor, self.protocol, self.files, self.jobs = extractor, protocol, files, jobs
        self.cache = Cache(cache_root()) if cache is None else cache

    def run(
        self, index: CorpusIndex, draw: int | Draw = 0
    ) -> tuple[tuple[Row, ...], EmbeddedSplit]:
        """Evaluate on one corpus and split of its speakers.

        Returns:
            its results, with their marks, and the split, which knows what leaks.

        Raises:
            ValueError: a corpus that can't be split or lacks targets, or no candidate that can be
                fitted; one of several that can't is left out, and said so.
        """
        split = self.embedded_split(index, draw)
        return tuple(row for name in self.targets for row in self._run_target(split, name)), split

    def _run_target(self, split: EmbeddedSplit, target: str) -> tuple[Row, ...]:
        key: tuple = self.key(split, target)
        self.files.drop_stale(self.rows, key, split.source)
        missing = [name for name in self.names if self.rows.find((*key, name)) is None]
        if missing or any(_is_untested(row) for row in self._marked(key)):
            prepared = self.prepared(split, target)
            self.embedded(split)
        left_out = []
        for name in missing:
            try:
                candidate = self.candidate(name)
                searched = self.search(prepared, candidate)
                row = self.row(split, target, candidate, searched, prepared.task)
                if self.protocol.tests_all:
                    row = self.test(split, prepared, row)
            except CannotFit as error:
                left_out.append(error)
                log.warning("%s %-4s left out: %s", key[0], name, error)
                continue
            if searched.by_layer:
                layers, scores = list(self.extractor.layers), list(searched.by_layer)
                self.files.layers.put(LayerScores(list(row.slot), layers, scores))
            self.rows.put(row)
            log.info("%s, %.1f s", row.describe_search(), row.seconds)
        if not self.rows.of_split(key):
            raise left_out[0]
        rows = [
            self.test(split, prepared, row) if _is_untested(row) else row
            for row in self._marked(key)
        ]
        self.rows.put(*rows)  # a kill before this leaves no mark without its test scores
        self.keep(split, target, rows)
        return self.rows.of_split(key)

    def prepared(self, split: EmbeddedSplit, target: str) -> PreparedTask | PreparedLayers:
        """The task of predicting a target, normalised as the protocol says."""
        targets = [getattr(utterance, target) for utterance in split.utterances]
        if self.extractor.layers:
            return PreparedLayers(
                self.extractor.layers,
                lambda layer: split.task(targets, layer),
                self.protocol,
                self.jobs,
            )
        return PreparedTask(split.task(targets), self.protocol, self.jobs)

    def facts(self, split: EmbeddedSplit, searched: Searched, task: Task) -> dict[str, Any]:
        """What results of all kinds have."""
        digest, fingerprint, scikit_learn = split.source
        return {
            "extractor": self.extractor.name,
            "protocol": self.protocol.name,
            "params": searched.params,
            "n_train": task.n_train,
            "n_val": task.n_validation,
            "n_test": len(task.test_targets),
            "seed": split.parts.seed,
            "folds": split.parts.folds,
            "seconds": round(searched.seconds, 3),
            "corpus_digest": digest,
            "extractor_fingerprint": fingerprint,
            "scikit_learn": scikit_learn,
            "partial": split.index.partial,
            "leaks": [] if split.leaks.clean else split.leaks.lines(),
        }

    def _marked(self, key: tuple) -> tuple[Row, ...]:
        rows = self.rows.of_split(key)
        return self.marked(rows) if rows else ()

    @property
    @abstractmethod
    def rows(self) -> Rows[Row]:
        """Where the results are kept."""

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """Of what is searched."""

    @abstractmethod
    def candidate(self, name: str) -> Candidate:
        """What is searched under a name; asked for where its result is missing."""

    @abstractmethod
    def embedded_split(self, index: CorpusIndex, draw: int | Draw) -> EmbeddedSplit:
        """Divide the corpus, and check that it has the targets."""

    @abstractmethod
    def key(self, split: EmbeddedSplit, target: str) -> tuple:
        """What the slots of this target's results begin with."""

    @abstractmethod
    def search(self, prepared: PreparedTask | PreparedLayers, candidate: Candidate) -> Searched:
        """The candidate's grid point that is best on validation."""

    @abstractmethod
    def row(
        self,
        split: EmbeddedSplit,
        target: str,
        candidate: Candidate,
        searched: Searched,
        task: Task,
    ) -> Row:
        """A result without test scores."""

    @abstractmethod
    def marked(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """The rows of one target, with their marks."""

    @abstractmethod
    def test(self, split: EmbeddedSplit, prepared: PreparedTask | PreparedLayers, row: Row) -> Row:
        """Fit the row's candidate, predict the test part, score it."""

    def embedded(self, split: EmbeddedSplit) -> None:
        """Called when a split was embedded."""

    def keep(self, split: EmbeddedSplit, target: str, rows: Sequence[Row]) -> None:
        """Called when the results of a target are there, found now or before."""


def _is_untested(row: ClassifierResult | RegressionResult) -> bool:
    return bool(row.selected) and row.test_score is None
