"""Noise: the accuracy lost when the test part alone is noisy, coded, clipped or reverberant."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from serab.analyses.conditions import (
    CONDITIONS,
    Condition,
    Source,
    check_rooms,
    key,
    keyed_random,
)
from serab.analyses.folds import SpeakerFolds
from serab.analyses.pooling import Answers, difference, score
from serab.classifiers import CLASSIFIERS
from serab.embed.corpus import embed_waveforms
from serab.embed.reader import WaveformReader
from serab.index import CorpusIndex
from serab.protocol import STRICT
from serab.results.findings import Finding, Measure
from serab.search import PreparedTask, Task
from serab.terminal import progress

MOST_NUMBERS = 20_000_000
"""Of test embeddings at once: memory doesn't grow with the conditions."""


def check(corpora: Sequence[CorpusIndex]) -> None:
    """Raise ValueError where a condition lacks its library."""
    check_rooms()


@dataclass(frozen=True)
class ChangedReader(WaveformReader):
    """Reads utterances under a condition; `index` has their keys in the place of checksums.

    Args:
        clean: reads them as they are.
        condition: what happens to them.
        training: positions of the training part, from which babble is made.
    """

    clean: WaveformReader
    condition: Condition
    training: np.ndarray

    def __call__(self, position: int) -> np.ndarray:
        random = keyed_random(self.index.utterances[position].sha256)

        def others(count: int) -> list[np.ndarray]:
            chosen = random.choice(self.training, min(count, len(self.training)), replace=False)
            return [self.clean(int(i)) for i in chosen]

        source = Source(self.sample_rate, random, others)
        changed = self.condition.apply(self.clean(position), source)
        return np.ascontiguousarray(changed, dtype=np.float32)


def changed_reader(
    clean: WaveformReader, condition: Condition, training: np.ndarray
) -> ChangedReader:
    """A reader whose embeddings are cached under keys of their own."""
    index = clean.index
    digest = hashlib.sha256("".join(index.utterances[i].sha256 for i in training).encode())
    changed = tuple(
        replace(u, sha256=key(condition, u.sha256, digest.hexdigest())) for u in index.utterances
    )
    return ChangedReader(
        index=replace(index, utterances=changed),
        sample_rate=clean.sample_rate,
        cache=clean.cache,
        clean=clean,
        condition=condition,
        training=training,
    )


def measure(folds: SpeakerFolds) -> list[Finding]:
    """Each condition's accuracy, and what is lost against clean, paired by speaker.

    Classifiers are the strict ones of each fold: fitted and chosen on clean utterances.
    """
    clean = Answers()
    noisy: dict[str, Answers] = defaultdict(Answers)
    for fold in progress(range(len(folds.splits)), f"{folds.index.code} noise", unit=" folds"):
        task, choice = folds.task(fold), folds.choices[fold]
        folds.embed(fold, folds.splits[fold].test)  # fits the extractor on the fold's training part
        ids = [u.id for u in folds.utterances(fold)[task.n_fit :]]
        speakers = task.speakers[task.n_fit :]
        clean.add(ids, speakers, choice.predicted == task.test_targets)
        candidate = CLASSIFIERS[choice.classifier]
        for conditions, blocks in _embedded(folds, fold):
            tested = Task(
                np.concatenate([task.embeddings[: task.n_fit], *blocks]),
                np.concatenate([task.targets[: task.n_fit], *[task.test_targets] * len(blocks)]),
                np.zeros(0),  # the strict rules look at no speaker
                task.n_train,
                task.n_validation,
            )
            predicted = PreparedTask(tested, STRICT, folds.jobs).predict_test(
                candidate, choice.params
            )
            for condition, answer in zip(
                conditions, np.split(predicted, len(conditions)), strict=True
            ):
                noisy[condition.name].add(ids, speakers, answer == task.test_targets)
    findings = [folds.finding("noise", {"kind": "clean", "strength": ""}, score(clean))]
    for condition in CONDITIONS:
        named = {"kind": condition.kind, "strength": condition.strength}
        answers = noisy[condition.name]
        findings.append(folds.finding("noise", named, score(answers)))
        lost = difference(answers, clean)
        findings.append(folds.finding("noise", named, lost, Measure.DIFFERENCE))
    return findings


def _embedded(folds: SpeakerFolds, fold: int) -> Iterator[tuple[list[Condition], list[np.ndarray]]]:
    """The test part under some conditions at a time."""
    parts = folds.splits[fold]
    clean = WaveformReader(folds.index, folds.extractor.sample_rate, folds.cache)
    conditions: list[Condition] = []
    blocks: list[np.ndarray] = []
    for condition in CONDITIONS:
        reader = changed_reader(clean, condition, parts.train)
        conditions.append(condition)
        blocks.append(embed_waveforms(folds.extractor, reader, parts.test))
        if sum(block.size for block in blocks) > MOST_NUMBERS:
            yield conditions, blocks
            conditions, blocks = [], []
    if blocks:
        yield conditions, blocks
