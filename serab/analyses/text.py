"""Sentences: what it is worth that the test part's sentences were heard in training."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from serab.analyses.folds import SpeakerFolds, subset
from serab.analyses.pooling import Answers, difference, score
from serab.corpora import record_of
from serab.index import CorpusIndex
from serab.results.findings import Finding, Measure
from serab.search import CannotFit, Task
from serab.terminal import progress

log = logging.getLogger("evaluate")


def check(corpora: Sequence[CorpusIndex]) -> None:
    """Raise ValueError where no corpus has sentences to be split by."""
    if not any(_sentences(index) for index in corpora):
        codes = ", ".join(index.code for index in corpora)
        raise ValueError(
            f"analyses=[text]: {codes}: no two sentences are known by the file names; choose other "
            "tasks, such as EMB, EMV, RAV or CRE."
        )


def _sentences(index: CorpusIndex) -> list[str]:
    """The corpus' sentences, none where it has no two, or where an utterance has none."""
    texts = [u.text for u in index.utterances]
    names = sorted({text for text in texts if text is not None})
    return names if len(names) > 1 and None not in texts else []


@dataclass(frozen=True)
class Sentences:
    """The sentences of each part."""

    train: frozenset[str]
    validation: frozenset[str]
    test: frozenset[str]


def sentence_divisions(index: CorpusIndex) -> list[Sentences]:
    """Divisions of the sentences by the corpus' shares of speakers, in which each is tested once.

    Two sentences: one is tested, training and validation share the other.
    """
    names = _sentences(index)
    np.random.RandomState(0).shuffle(names)
    shares = np.cumsum(record_of(index.code).probabilities)
    first, second = (max(1, int(share * len(names))) for share in shares[:2])
    second = min(max(second, first + (len(names) > 2)), len(names) - 1)
    n_test = len(names) - second
    divisions: list[Sentences] = []
    for start in range(0, len(names), n_test):
        tested = names[start : start + n_test]  # the last may be fewer
        others = names[start + n_test :] + names[:start]
        train, validation = others[:first], others[first:] or others
        divisions.append(Sentences(frozenset(train), frozenset(validation), frozenset(tested)))
    return divisions


def measure(folds: SpeakerFolds) -> list[Finding]:
    """Three trainings on the same test utterances: other sentences, any as few, and all there are.

    In each fold of speakers and of sentences the test part are the test speakers' utterances of the
    test sentences. *Other* trains on the training speakers' other sentences; *any* on as many of
    their utterances of each class whatever is said in them; *all* on all of theirs, as strict does.
    """
    if not _sentences(folds.index):
        log.warning("%s: its file names don't say the sentences; left out.", folds.index.code)
        return []
    answers = {name: Answers() for name in ("other", "any", "all")}
    divisions, empty, failed = sentence_divisions(folds.index), 0, []
    for fold in progress(range(len(folds.splits)), f"{folds.index.code} sentences", unit=" folds"):
        task, utterances = folds.task(fold), folds.utterances(fold)
        texts = np.array([u.text for u in utterances])
        for number, division in enumerate(divisions):
            random = np.random.default_rng([fold, number])
            test = _rows(task, texts, 2, division.test)
            if not len(test):
                empty += 1
                continue
            ids = [utterances[i].id for i in test]
            try:
                predicted = {
                    name: folds.choose(subset(task, *parts, test)).predicted
                    for name, parts in _trainings(task, texts, division, random)
                }
            except CannotFit as error:
                failed.append(str(error))
                continue
            for name, answer in predicted.items():
                answers[name].add(ids, task.speakers[test], answer == task.targets[test])
            whole = folds.choices[fold].predicted[test - task.n_fit]
            answers["all"].add(ids, task.speakers[test], whole == task.targets[test])
    if not len(answers["any"]):
        raise CannotFit(f"{folds.index.code} text: {failed[0] if failed else 'nothing is tested'}")
    notes = []
    if failed:
        notes.append(f"{len(failed)} of the trainings can't be made: {failed[0]}")
    if empty:
        notes.append(f"{empty} folds have no test utterance: nobody in them says their sentences.")
    details = {"sentences": len(_sentences(folds.index)), "divisions": len(divisions)}
    findings = [
        folds.finding("text", {"trained_on": name}, score(found), details=details, notes=notes)
        for name, found in answers.items()
    ]
    for name in ("any", "all"):
        worth = difference(answers[name], answers["other"])
        condition = {"trained_on": f"{name} - other"}
        findings.append(folds.finding("text", condition, worth, Measure.DIFFERENCE))
    return findings


def _trainings(
    task: Task, texts: np.ndarray, division: Sentences, random: np.random.Generator
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Rows of training and validation: of other sentences, and as many of any."""
    other = tuple(
        _rows(task, texts, part, names)
        for part, names in enumerate((division.train, division.validation))
    )
    yield "other", (other[0], other[1])
    bounds = ((0, task.n_train), (task.n_train, task.n_fit))
    drawn = []
    for rows, (start, end) in zip(other, bounds, strict=True):
        everyone = np.arange(start, end)
        emotions, counts = np.unique(task.targets[rows], return_counts=True)
        drawn.append(
            np.concatenate(
                [
                    random.choice(everyone[task.targets[start:end] == emotion], count, False)
                    for emotion, count in zip(emotions, counts, strict=True)
                ]
            )
            if len(emotions)
            else rows
        )
    yield "any", (drawn[0], drawn[1])


def _rows(task: Task, texts: np.ndarray, part: int, sentences: frozenset[str]) -> np.ndarray:
    """Rows of a part (0 training, 1 validation, 2 test) that say one of the sentences."""
    bounds = (0, task.n_train, task.n_fit, len(task.targets))
    rows = np.arange(bounds[part], bounds[part + 1])
    return rows[np.isin(texts[rows], sorted(sentences))]
