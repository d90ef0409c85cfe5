"""The price of a leak: the score under somebody's lists beside strict, and beside random clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serab.analyses.audit import Audit, known_people
from serab.analyses.folds import SpeakerFolds
from serab.analyses.pooling import Answers, difference, score
from serab.corpora import CORPORA
from serab.protocol import STRICT
from serab.results.findings import Finding, Measure
from serab.search import CannotFit
from serab.splits import Split
from serab.terminal import progress

VALIDATION_SHARE = 0.2
"""Of the training utterances, drawn at random, where lists have no validation part."""


def price(folds: SpeakerFolds, audited: Audit) -> list[Finding]:
    """Accuracy under the lists, under random divisions of their sizes, and under strict.

    The same rule chooses the classifier everywhere. Random divisions put any of the listed
    utterances in the place of any other. Differences are over the utterances that both tested.

    Raises:
        ValueError: lists without a training or a test part, or that nothing can be fitted on.
    """
    strict = Answers()
    for fold, choice in enumerate(folds.choices):
        parts = folds.splits[fold]
        _add(strict, folds, parts.test, choice.predicted)
    divisions = {"lists": _splits(folds, audited)}
    listed = np.unique(np.concatenate([p for s in divisions["lists"] for p in _parts(s)]))
    moved = np.zeros(len(folds.index.utterances), dtype=int)
    moved[listed] = np.random.default_rng(0).permutation(listed)
    divisions["random clips"] = [
        _split(folds, *(moved[part] for part in _parts(parts))) for parts in divisions["lists"]
    ]
    answers = {}
    for name, splits in divisions.items():
        answers[name] = Answers()
        title = f"{folds.index.code} by {name}"
        for parts in progress(splits, title, unit=" folds"):
            try:
                choice = folds.choose(folds.task_of(parts))
            except CannotFit as error:
                raise ValueError(f"{folds.index.code}, {name}: {error}") from error
            _add(answers[name], folds, parts.test, choice.predicted)
    answers["strict"] = strict
    details = {"folds": len(audited.folds)}
    findings = [
        folds.finding("audit", {"split": name}, score(found), details=details)
        for name, found in answers.items()
    ]
    for name in divisions:
        worth = difference(answers[name], strict)
        findings.append(
            folds.finding("audit", {"split": f"{name} - strict"}, worth, Measure.DIFFERENCE)
        )
    return findings


def _splits(folds: SpeakerFolds, audited: Audit) -> list[Split]:
    positions = {u.id: i for i, u in enumerate(folds.index.utterances)}
    splits = []
    for number, fold in enumerate(audited.divisions):
        names = [name for part in fold.parts.values() for name in part]
        people = known_people(CORPORA[audited.code], folds.index, names)
        found = {
            part: np.array(
                sorted({positions[people[n].id] for n in listed if n in people}), dtype=int
            )
            for part, listed in fold.parts.items()
        }
        if not len(found["train"]) or not len(found["test"]):
            raise ValueError(
                f"{audited.code}, fold {fold.name}: has {len(found['train'])} training and "
                f"{len(found['test'])} test utterances that are known; give both lists."
            )
        if not len(found["validation"]):
            shuffled = np.random.default_rng(number).permutation(found["train"])
            cut = max(1, round(VALIDATION_SHARE * len(shuffled)))
            found["validation"], found["train"] = np.sort(shuffled[:cut]), np.sort(shuffled[cut:])
        splits.append(_split(folds, found["train"], found["validation"], found["test"]))
    return splits


def _split(
    folds: SpeakerFolds, train: np.ndarray, validation: np.ndarray, test: np.ndarray
) -> Split:
    return Split(STRICT, 0, train, validation, test, {}, folds.index.emotions)


def _parts(parts: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (parts.train, parts.validation, parts.test)


def _add(
    answers: Answers, folds: SpeakerFolds, test: np.ndarray, predicted: Sequence | np.ndarray
) -> None:
    ids = [folds.index.utterances[i].id for i in test]
    answers.add(ids, folds.speakers[test], np.asarray(predicted) == folds.emotions[test])
