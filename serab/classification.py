"""Emotions as classes: five classifiers with their grids, accuracy, predictions and intervals."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from serab.cache_folder import cache_root
from serab.classifier_names import check_classifiers
from serab.corpora import record_of
from serab.draws import Draw
from serab.embed.cache import Cache
from serab.extractors.base import Extractor
from serab.index import CorpusIndex
from serab.intervals import Interval, Over, score_interval
from serab.layer_search import PreparedLayers
from serab.protocol import Mark, Protocol
from serab.results.kept import describe_calibration, kept_bytes, kept_path, read_kept
from serab.results.projection import save_projection
from serab.results.records import ClassifierResult, Predictions, marked, speaker_accuracies
from serab.results.run_files import Rows, RunFiles
from serab.runner import EmbeddedSplit, TaskRunner
from serab.scores import accuracy, chance, macro_f1, majority, uar
from serab.search import PreparedTask, Searched, Task
from serab.splits import Split, split

if TYPE_CHECKING:
    from serab.estimators.grid import Candidate

log = logging.getLogger(__name__)


class ClassificationRunner(TaskRunner[ClassifierResult]):
    """Recognise emotions.

    Args:
        classifiers: names; None for all five.
        keep: whether the selected classifier of the released split is kept in the run directory.
        extractor, protocol, files, jobs, cache: as in `TaskRunner`.

    Raises:
        ValueError: unknown classifiers.
    """

    def __init__(
        self,
        extractor: Extractor,
        protocol: Protocol,
        files: RunFiles,
        classifiers: Sequence[str] | None = None,
        jobs: int = -1,
        cache: Cache | None = None,
        keep: bool = False,
    ):
        super().__init__(extractor, protocol, files, jobs, cache)
        self._keeps = keep
        self._names = check_classifiers(classifiers)

    @property
    def rows(self) -> Rows[ClassifierResult]:
        return self.files.results

    @property
    def names(self) -> Sequence[str]:
        return self._names

    def candidate(self, name: str) -> Candidate:
        from serab.classifiers import CLASSIFIERS  # a second, which a finished run can do without

        return CLASSIFIERS[name]

    def embedded_split(self, index: CorpusIndex, draw: int | Draw) -> EmbeddedSplit:
        return EmbeddedSplit(self.extractor, index, split(index, self.protocol, draw), self.cache)

    def embedded(self, split: EmbeddedSplit) -> None:
        trained = {split.index.utterances[i].emotion for i in split.parts.train}
        asked = {split.index.utterances[i].emotion for i in split.parts.test}
        if untrained := sorted(asked - trained):
            log.warning(
                "%s: the training part has no utterance of %s, so none in the test part can be "
                "recognised",
                *(split.index.code, ", ".join(untrained)),
            )
        if split.parts.seed == 0:
            save_projection(
                self.files.run_dir, split.index, split.embeddings, split.order, split.parts
            )

    def key(self, split: EmbeddedSplit, target: str) -> tuple:
        return (split.index.code, self.protocol.name, split.parts.draw.name)

    def search(self, prepared: PreparedTask | PreparedLayers, candidate: Candidate) -> Searched:
        return prepared.search(candidate, accuracy)

    def marked(self, rows: Sequence[ClassifierResult]) -> tuple[ClassifierResult, ...]:
        return marked(rows, self.protocol.tests_all)

    def row(
        self,
        split: EmbeddedSplit,
        target: str,
        candidate: Candidate,
        searched: Searched,
        task: Task,
    ) -> ClassifierResult:
        return ClassifierResult(
            **self.facts(split, searched, task),
            task=split.index.code,
            classifier=candidate.name,
            val_accuracy=searched.val_score,
            test_accuracy=None,
            test_uar=None,
            test_macro_f1=None,
            over_utterances=None,
            over_speakers=None,
            speakers=split.test_speakers,
            embed_dim=task.embeddings.shape[1],
            chance=chance(split.parts.emotions),
            majority=majority(task.targets[: task.n_fit], task.test_targets),
            demo=record_of(split.index.code).demo,
        )

    def test(
        self, split: EmbeddedSplit, prepared: PreparedTask | PreparedLayers, row: ClassifierResult
    ) -> ClassifierResult:
        asked = split.utterances[prepared.task.n_fit :]
        kept = Predictions(
            task=row.task,
            protocol=row.protocol,
            seed=row.seed,
            folds=row.folds,
            classifier=row.classifier,
            emotions=list(split.parts.emotions),
            utterances=[u.id for u in asked],
            speakers=[u.speaker for u in asked],
            true=prepared.task.test_targets.tolist(),
            predicted=prepared.predict_test(self.candidate(row.classifier), row.params).tolist(),
        )
        self.files.predictions.put(kept)
        true, predicted, speakers = kept.true, kept.predicted, kept.speakers
        intervals = {over: score_interval(true, predicted, speakers, over) for over in Over}
        return replace(
            row,
            test_accuracy=accuracy(true, predicted),
            test_uar=uar(true, predicted),
            test_macro_f1=macro_f1(true, predicted),
            over_utterances=_limits(intervals[Over.UTTERANCES]),
            over_speakers=_limits(intervals[Over.SPEAKERS]),
            by_speaker=speaker_accuracies(kept) if row.folds else None,
        )

    def keep(self, split: EmbeddedSplit, target: str, rows: Sequence[ClassifierResult]) -> None:
        """Keep the classifier that validation selected, also where the best on test is reported."""
        row = next(row for row in rows if row.has(Mark.SELECTED))
        answers = self.files.predictions.find(row.slot)
        if not self._keeps or row.folds or split.parts.seed != 0 or answers is None:
            return
        path = kept_path(self.files.run_dir, row.task, row.protocol)
        with suppress(ValueError):  # damaged: it is kept again
            kept = read_kept(path)
            if kept is not None and kept.is_of(row) and kept_bytes(path, kept):
                return
        from serab.keep.classifier import keep_classifier  # half a second, unless it is kept

        prepared = self.prepared(split, target)  # it fits the extractor too
        kept = keep_classifier(
            self.files.run_dir,
            row,
            prepared.at(row.params),
            split.parts.emotions,
            self.extractor.state(),
            answers,
        )
        log.info("%s %-4s kept: %s", row.task, row.classifier, describe_calibration(kept))
        if kept.differs:
            log.warning(
                "%s %s: the kept classifier says something else than the recorded predictions for "
                "%d of %d test utterances",
                *(row.task, row.classifier, kept.differs, row.n_test),
            )


def embed_task(
    extractor: Extractor, index: CorpusIndex, parts: Split, cache: Cache | None = None
) -> tuple[Task, np.ndarray]:
    """Embed the parts of a corpus, in the order training, validation, test; and that order."""
    embedded = EmbeddedSplit(extractor, index, parts, cache or Cache(cache_root()))
    return embedded.task([u.emotion for u in embedded.utterances]), embedded.order


def _limits(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
