"""A corpus in folds of speakers: the strict protocol, with every speaker tested once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from serab.analyses.pooling import Score
from serab.classifier_names import check_classifiers
from serab.classifiers import CLASSIFIERS
from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.estimators.grid import Candidate
from serab.extractors.base import Extractor
from serab.index import CorpusIndex, Utterance
from serab.protocol import STRICT
from serab.results.findings import Finding, Measure, Value
from serab.search import CannotFit, PreparedTask, Task
from serab.splits import Split, speaker_folds

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Choice:
    """The classifier and grid point that are best on validation, and what they say of the test."""

    classifier: str
    params: Mapping[str, Any]
    val_accuracy: float
    predicted: np.ndarray


def choose(task: Task, candidates: Sequence[Candidate], jobs: int = -1) -> Choice:
    """The strict rule: search all on validation, fit the best on training and validation, predict.

    Args:
        task: embeddings in the order training, validation, test.
        candidates: classifiers; the first of equally good ones wins.
        jobs: threads for a grid; -1 takes all processors.

    Raises:
        serab.search.CannotFit: none of them can be fitted.
    """
    prepared = PreparedTask(task, STRICT, jobs)
    best: tuple[float, Candidate, Mapping[str, Any]] | None = None
    failure = CannotFit("there is no classifier")
    for candidate in candidates:
        try:
            searched = prepared.search(candidate)
        except CannotFit as error:  # such as QDA of single utterances: the others are enough
            failure = error
            continue
        if best is None or searched.val_score > best[0]:
            best = (searched.val_score, candidate, searched.params)
    if best is None:
        raise failure
    score, candidate, params = best
    return Choice(candidate.name, params, score, prepared.predict_test(candidate, params))


def subset(task: Task, training: np.ndarray, validation: np.ndarray, test: np.ndarray) -> Task:
    """The task of some rows of `task` (positions in it)."""
    rows = np.concatenate([training, validation, test]).astype(int)
    return Task(
        task.embeddings[rows],
        task.targets[rows],
        task.speakers[rows],
        len(training),
        len(validation),
    )


class SpeakerFolds:
    """One encoder on one corpus, divided so that every speaker is tested once.

    Only the embeddings of the last fold that was asked for are in memory.

    Args:
        extractor: the system under test.
        index: the corpus.
        cache: of embeddings and decoded audio.
        classifiers: names of those to choose from; None for all five.
        jobs: threads for a grid; -1 takes all processors.

    Raises:
        ValueError: a corpus that can't be split.
    """

    def __init__(
        self,
        extractor: Extractor,
        index: CorpusIndex,
        cache: Cache,
        classifiers: Sequence[str] | None = None,
        jobs: int = -1,
    ):
        self.extractor, self.index, self.cache, self.jobs = extractor, index, cache, jobs
        self.candidates = tuple(CLASSIFIERS[name] for name in check_classifiers(classifiers))
        self.splits = speaker_folds(index, STRICT)
        self._last: tuple[int, Task] | None = None

    @property
    def source(self) -> tuple[str, str, str, tuple[str, ...], str]:
        """What findings depend on, as `Finding.source`."""
        names = tuple(candidate.name for candidate in self.candidates)
        fingerprint = self.extractor.fingerprint
        return (self.index.digest, fingerprint, version("scikit-learn"), names, self.division)

    @cached_property
    def division(self) -> str:
        """Stands for who is in which part of each fold."""
        speakers = repr([sorted(parts.speakers.items()) for parts in self.splits])
        return hashlib.sha256(speakers.encode()).hexdigest()[:16]

    def choose(self, task: Task) -> Choice:
        """The strict rule on any task."""
        return choose(task, self.candidates, self.jobs)

    @cached_property
    def emotions(self) -> np.ndarray:
        return np.array([u.emotion for u in self.index.utterances])

    @cached_property
    def speakers(self) -> np.ndarray:
        return np.array([u.speaker for u in self.index.utterances])

    def order(self, fold: int) -> np.ndarray:
        """Positions in `index.utterances`, in the order training, validation, test."""
        parts = self.splits[fold]
        return np.concatenate([parts.train, parts.validation, parts.test])

    def utterances(self, fold: int) -> list[Utterance]:
        """In the same order."""
        return [self.index.utterances[i] for i in self.order(fold)]

    def embed(self, fold: int, positions: np.ndarray) -> np.ndarray:
        """Embeddings of any utterances, with the extractor fitted on the fold's training part."""
        return embed_corpus(
            self.extractor, self.index, self.splits[fold].train, positions, self.cache
        )

    def task(self, fold: int) -> Task:
        """The strict task of a fold."""
        if self._last is None or self._last[0] != fold:
            self._last = None  # two would be in memory at once
            self._last = (fold, self.task_of(self.splits[fold]))
        return self._last[1]

    def task_of(self, parts: Split) -> Task:
        """The task of any division of the corpus."""
        order = np.concatenate([parts.train, parts.validation, parts.test])
        embeddings = embed_corpus(self.extractor, self.index, parts.train, order, self.cache)
        return Task(
            embeddings,
            self.emotions[order],
            self.speakers[order],
            len(parts.train),
            len(parts.validation),
        )

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The strict result of each fold."""
        return tuple(self.choose(self.task(fold)) for fold in range(len(self.splits)))

    def finding(
        self,
        analysis: str,
        condition: Mapping[str, Value],
        score: Score,
        measure: Measure = Measure.ACCURACY,
        details: Mapping[str, Value] | None = None,
        notes: Sequence[str] = (),
    ) -> Finding:
        """A number of this encoder on this corpus, as it is kept."""
        digest, fingerprint, scikit_learn, classifiers, division = self.source
        return Finding(
            analysis=analysis,
            task=self.index.code,
            measure=measure.value,
            condition=dict(condition),
            value=score.value,
            interval=None if score.interval is None else list(score.interval),
            speakers=score.speakers,
            n_test=score.n_test,
            extractor=self.extractor.name,
            corpus_digest=digest,
            extractor_fingerprint=fingerprint,
            scikit_learn=scikit_learn,
            classifiers=list(classifiers),
            details=dict(details or {}),
            notes=list(notes),
            division=division,
        )
