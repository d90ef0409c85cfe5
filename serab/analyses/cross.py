"""Across corpora and languages: trained on one or all others, tested on a corpus never heard."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np
from sklearn.preprocessing import StandardScaler

from serab.analyses.folds import SpeakerFolds
from serab.analyses.pooling import Answers, score
from serab.embed.corpus import embed_waveforms, fit_extractor
from serab.embed.reader import WaveformReader
from serab.index import CorpusIndex
from serab.protocol import STRICT
from serab.results.findings import Finding, Value
from serab.search import CannotFit, Task
from serab.splits import split
from serab.terminal import progress

log = logging.getLogger("evaluate")

LEAST = 2
"""Emotions that two corpora must share."""


class Normalised(StrEnum):
    """By what the tested corpus' embeddings are standardised."""

    TRAINING = "training"
    PER_CORPUS = "per corpus, transductive"


def shared_emotions(corpora: Sequence[CorpusIndex]) -> tuple[str, ...]:
    """The emotions that all of them have, under the names that the corpora's records map labels to.

    RAVDESS' calm is no neutral, and EmoDB's boredom nothing that another corpus has.
    """
    first, *others = corpora
    return tuple(e for e in first.emotions if all(e in index.emotions for index in others))


def check(corpora: Sequence[CorpusIndex]) -> None:
    """Raise ValueError where there are no two corpora, or none that share emotions."""
    if len(corpora) < 2:
        codes = ", ".join(index.code for index in corpora)
        raise ValueError(
            f"analyses=[cross]: needs two corpora and there is {codes}; give more of them, such as "
            "tasks=[EMB,EMV]."
        )
    pairs = [(a, b) for a in corpora for b in corpora if a.code < b.code]
    shared = {(a.code, b.code): shared_emotions((a, b)) for a, b in pairs}
    if all(len(emotions) < LEAST for emotions in shared.values()):
        a, b = max(shared, key=lambda codes: len(shared[codes]))
        raise ValueError(
            f"analyses=[cross]: {a} and {b} share {len(shared[a, b])} emotion(s), and at least "
            f"{LEAST} are needed; choose other tasks."
        )


def measure(corpora: Sequence[SpeakerFolds]) -> list[Finding]:
    """Train on each for each other, and on all others together; within a corpus the strict folds.

    Trained on one: on the training and validation speakers of its strict split, tested on all
    utterances of the other. The extractor is fitted on training utterances only.
    """
    findings = []
    for tested in progress(list(corpora), "across corpora", unit=" corpora"):
        findings.append(_within(tested))
        others = [folds for folds in corpora if folds is not tested]
        groups = [[folds] for folds in others] + ([others] if len(others) > 1 else [])
        for training in groups:
            findings += _across(training, tested)
    digest, *_, division = source(corpora)
    return [replace(finding, corpus_digest=digest, division=division) for finding in findings]


def source(corpora: Sequence[SpeakerFolds]) -> tuple:
    """What these findings depend on: all corpora."""
    digests = [hashlib.sha256("".join(of_each).encode()).hexdigest() for of_each in (
        (folds.index.digest for folds in corpora), (folds.division for folds in corpora)
    )]  # fmt: skip
    return (digests[0], *corpora[0].source[1:-1], digests[1])


def _within(folds: SpeakerFolds) -> Finding:
    answers = Answers()
    for fold, choice in enumerate(folds.choices):
        task = folds.task(fold)
        ids = [u.id for u in folds.utterances(fold)[task.n_fit :]]
        right = choice.predicted == task.test_targets
        answers.add(ids, task.speakers[task.n_fit :], right)
    condition = {"trained_on": folds.index.code, "normalised": Normalised.TRAINING.value}
    details = {"emotions": len(folds.index.emotions), "chance": 1 / len(folds.index.emotions)}
    return folds.finding("cross", condition, score(answers), details=details)


def _across(training: Sequence[SpeakerFolds], tested: SpeakerFolds) -> list[Finding]:
    emotions = shared_emotions([*(t.index for t in training), tested.index])
    name = "+".join(folds.index.code for folds in training)
    if len(emotions) < LEAST:
        log.warning(
            "cross: %s and %s share %d emotion(s); at least %d are needed, left out.",
            *(name, tested.index.code, len(emotions), LEAST),
        )
        return []
    extractor, readers = tested.extractor, {}
    for folds in (*training, tested):
        readers[folds] = WaveformReader(folds.index, extractor.sample_rate, folds.cache)
    divided = {folds: split(folds.index, STRICT) for folds in training}
    fit_extractor(extractor, [(readers[folds], divided[folds].train) for folds in training])
    parts: list[list[np.ndarray]] = [[], []]
    targets: list[list[np.ndarray]] = [[], []]
    own: list[list[np.ndarray]] = [[], []]
    for folds in training:
        fitting = (divided[folds].train, divided[folds].validation)
        rows = [_of(folds, emotions, part) for part in fitting]
        embeddings = embed_waveforms(extractor, readers[folds], np.concatenate(rows))
        scaler = StandardScaler().fit(embeddings.astype(np.float64))
        for k, (part, block) in enumerate(
            zip(rows, np.split(embeddings, [len(rows[0])]), strict=True)
        ):
            parts[k].append(block)
            targets[k].append(folds.emotions[part])
            own[k].append(scaler.transform(block.astype(np.float64)))
    positions = _of(tested, emotions, np.arange(len(tested.index.utterances)))
    test = embed_waveforms(extractor, readers[tested], positions)
    own_test = StandardScaler().fit_transform(test.astype(np.float64))
    findings = []
    blocks = {Normalised.TRAINING: (parts, test), Normalised.PER_CORPUS: (own, own_test)}
    for normalised, (fitted, asked) in blocks.items():
        task = Task(
            np.concatenate([*fitted[0], *fitted[1], asked]),
            np.concatenate([*targets[0], *targets[1], tested.emotions[positions]]),
            np.zeros(0),  # the strict rules look at no speaker
            sum(map(len, fitted[0])),
            sum(map(len, fitted[1])),
        )
        try:
            choice = tested.choose(task)
        except CannotFit as error:
            log.warning("cross: trained on %s for %s: %s", name, tested.index.code, error)
            continue
        answers = Answers()
        right = choice.predicted == task.test_targets
        ids = [tested.index.utterances[i].id for i in positions]
        answers.add(ids, tested.speakers[positions], right)
        condition = {"trained_on": name, "normalised": normalised.value}
        details: dict[str, Value] = {
            "emotions": len(emotions),
            "chance": 1 / len(emotions),
            "shared": " ".join(emotions),
            "classifier": choice.classifier,
        }
        findings.append(tested.finding("cross", condition, score(answers), details=details))
    return findings


def _of(folds: SpeakerFolds, emotions: Sequence[str], positions: np.ndarray) -> np.ndarray:
    """The positions whose utterance has one of the emotions."""
    return positions[np.isin(folds.emotions[positions], emotions)]
