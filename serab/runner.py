"""One extractor on one corpus: split, embed, search, keep each result as soon as it is there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np

from serab.classifiers import CLASSIFIERS, check_classifiers
from serab.corpora import CORPORA
from serab.embed.cache import Cache, cache_root
from serab.embed.corpus import embed_corpus
from serab.extractors.base import Extractor
from serab.index import CorpusIndex
from serab.intervals import Interval, Over, score_interval
from serab.protocol import Protocol
from serab.results.projection import save_projection
from serab.results.records import ClassifierResult, Predictions, marked
from serab.results.run_files import RunFiles
from serab.scores import accuracy, chance, macro_f1, majority, uar
from serab.search import CannotFit, PreparedTask, Searched, Task
from serab.splits import LeakReport, Split, leak_report, split

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Benchmark:
    """How a run evaluates any task: one extractor, one protocol, some classifiers.

    Args:
        extractor: the system under test.
        protocol: the rules.
        files: where results are kept; what they already have isn't done again.
        classifiers: names; None for all five.
        jobs: threads for a grid; -1 takes all processors.
        cache: of embeddings and decoded audio.
    """

    extractor: Extractor
    protocol: Protocol
    files: RunFiles
    classifiers: Sequence[str] | None = None
    jobs: int = -1
    cache: Cache = field(default_factory=lambda: Cache(cache_root()))

    def check(self, indexes: Sequence[CorpusIndex], seeds: Sequence[int]) -> None:
        """Raise ValueError for what can't be run, before anything is computed."""
        check_classifiers(self.classifiers)
        for index in indexes:
            for seed in seeds:
                split(index, self.protocol.name, seed)

    def run(
        self, index: CorpusIndex, seed: int = 0
    ) -> tuple[tuple[ClassifierResult, ...], LeakReport]:
        """Evaluate on one corpus and split.

        Returns:
            its results, the selected and the best marked, and what leaks between the parts.

        Raises:
            ValueError: unknown classifiers, a corpus that can't be split, or no classifier that
                can be fitted; one of several that can't is left out, and said so.
        """
        names = check_classifiers(self.classifiers)
        parts = split(index, self.protocol.name, seed)
        leaks = leak_report(index, parts)
        case = _Case(self.extractor, index, parts, leaks)
        key = (index.code, self.protocol.name, seed)
        results = self.files.results
        self.files.drop_stale(key, case.source)

        missing = [name for name in names if results.find((*key, name)) is None]
        if missing or any(_to_test(row) for row in self._marked(key)):
            task, order = embed_task(self.extractor, index, parts, self.cache)
            if seed == 0:
                save_projection(self.files.run_dir, index, task.embeddings, order, parts)
            prepared = PreparedTask(task, self.protocol, self.jobs)
        left_out = []
        for name in missing:
            try:
                searched = prepared.search(CLASSIFIERS[name])
                row = case.result(name, searched, task)
                if self.protocol.tests_all:
                    row = self._test(case, prepared, row, order)
            except CannotFit as error:
                left_out.append(error)
                log.warning("%s %-4s left out: %s", index.code, name, error)
                continue
            results.put(row)
            log.info(
                "%s %-4s validation %.3f, %.1f s",
                *(index.code, name, row.val_accuracy, row.seconds),
            )
        if not results.of_split(key):
            raise left_out[0]
        rows = [
            self._test(case, prepared, row, order) if _to_test(row) else row
            for row in self._marked(key)
        ]
        results.put(*rows)  # a kill before this leaves no mark without its test scores
        return results.of_split(key), leaks

    def _marked(self, split: tuple) -> tuple[ClassifierResult, ...]:
        return marked(self.files.results.of_split(split), self.protocol.tests_all)

    def _test(
        self, case: _Case, prepared: PreparedTask, row: ClassifierResult, order: np.ndarray
    ) -> ClassifierResult:
        """Fit the row's classifier, predict the test part, keep the predictions, score them."""
        predicted = prepared.predict_test(CLASSIFIERS[row.classifier], row.params)
        of = case.predictions(row, prepared.task, order, predicted)
        self.files.predictions.put(of)
        intervals = [score_interval(of.true, of.predicted, of.speakers, over) for over in Over]
        return replace(
            row,
            test_accuracy=accuracy(of.true, of.predicted),
            test_uar=uar(of.true, of.predicted),
            test_macro_f1=macro_f1(of.true, of.predicted),
            over_utterances=_limits(intervals[0]),
            over_speakers=_limits(intervals[1]),
        )


def embed_task(
    extractor: Extractor, index: CorpusIndex, parts: Split, cache: Cache | None = None
) -> tuple[Task, np.ndarray]:
    """Embed the parts of a corpus, in the order training, validation, test; and that order."""
    order = np.concatenate([parts.train, parts.validation, parts.test])
    utterances = [index.utterances[i] for i in order]
    released = parts.protocol == "published"
    return Task(
        embed_corpus(extractor, index, parts.train, order, cache),
        np.array([u.emotion for u in utterances]),
        np.array([u.group if released else u.speaker for u in utterances]),
        len(parts.train),
        len(parts.validation),
    ), order


def _limits(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _to_test(row: ClassifierResult) -> bool:
    return bool(row.selected) and row.test_accuracy is None


@dataclass(frozen=True)
class _Case:
    """What all results of one extractor on one split share."""

    extractor: Extractor
    index: CorpusIndex
    parts: Split
    leaks: LeakReport

    @property
    def source(self) -> tuple:
        return (self.index.digest, self.extractor.fingerprint, version("scikit-learn"))

    def result(self, classifier: str, searched: Searched, task: Task) -> ClassifierResult:
        """A result without test scores."""
        digest, fingerprint, scikit_learn = self.source
        return ClassifierResult(
            task=self.index.code,
            extractor=self.extractor.name,
            protocol=self.parts.protocol,
            classifier=classifier,
            params=searched.params,
            val_accuracy=searched.val_score,
            test_accuracy=None,
            test_uar=None,
            test_macro_f1=None,
            over_utterances=None,
            over_speakers=None,
            n_train=task.n_train,
            n_val=task.n_validation,
            n_test=len(task.test_targets),
            speakers=sorted({self.index.utterances[i].speaker for i in self.parts.test}),
            embed_dim=task.embeddings.shape[1],
            chance=chance(self.parts.emotions),
            majority=majority(task.targets[: task.n_fit], task.test_targets),
            seed=self.parts.seed,
            seconds=round(searched.seconds, 3),
            corpus_digest=digest,
            extractor_fingerprint=fingerprint,
            scikit_learn=scikit_learn,
            partial=self.index.partial,
            demo=CORPORA[self.index.code].demo,
            leaks=[] if self.leaks.clean else self.leaks.lines(),
        )

    def predictions(
        self, row: ClassifierResult, task: Task, order: np.ndarray, predicted: np.ndarray
    ) -> Predictions:
        tested = [self.index.utterances[i] for i in order[task.n_fit :]]
        return Predictions(
            task=row.task,
            protocol=row.protocol,
            seed=row.seed,
            classifier=row.classifier,
            emotions=list(self.parts.emotions),
            utterances=[u.id for u in tested],
            speakers=[u.speaker for u in tested],
            true=task.test_targets.tolist(),
            predicted=predicted.tolist(),
        )
