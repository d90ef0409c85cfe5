"""Few labels: accuracy over the utterances a class that are given, and over whose they are."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from serab.analyses.folds import SpeakerFolds, subset
from serab.analyses.pooling import Answers, difference, score
from serab.classifiers import CLASSIFIERS
from serab.estimators.grid import Candidate
from serab.protocol import STRICT
from serab.results.findings import Finding, Measure
from serab.search import CannotFit, PreparedTask, Task
from serab.terminal import progress

log = logging.getLogger("evaluate")

SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Utterances a class to fit; as many are drawn of the validation speakers to choose with."""
DRAWS = 10
ALL = "all"
SELECTED = "selected"

PROBES = (
    Candidate("kNN", KNeighborsClassifier(metric="cosine"), {"n_neighbors": [1, 3, 5, 9, 15]}),
    Candidate("probe", LogisticRegression(max_iter=1000), {}),  # C = 1, as while an encoder trains
)
_BESIDE = {candidate.name for candidate in PROBES}


class DrawnBy(StrEnum):
    """How few utterances are drawn: any clips, or speaker after speaker with all of theirs."""

    CLIP = "clip"
    SPEAKER = "speaker"


def measure(folds: SpeakerFolds) -> list[Finding]:
    """Accuracy of each classifier, and of the one that validation selects, over size and draw.

    Draw k is made of fold k modulo the number of folds. Every classifier is tested, and nothing is
    chosen by it; a class with fewer utterances than asked for gives all that it has, and a size
    that all classes fall short of is left out, since it would be `all` again.
    """
    asked: dict[tuple, Answers] = defaultdict(Answers)
    accuracies: dict[tuple, list[float]] = defaultdict(list)
    voices: dict[tuple, list[int]] = defaultdict(list)
    labels: dict[tuple, list[int]] = defaultdict(list)
    short: dict[tuple, dict[str, int]] = defaultdict(dict)
    failed: dict[tuple, int] = defaultdict(int)
    rounds = [(draw % len(folds.splits), draw) for draw in range(DRAWS)]
    rounds.sort()  # the embeddings of a fold are in memory once
    names = [candidate.name for candidate in folds.candidates]
    # processes, since most of a small search is Python
    with Parallel(effective_n_jobs(folds.jobs), max_nbytes=None) as parallel:
        for fold, draw in progress(rounds, f"{folds.index.code} few labels", unit=" draws"):
            task = folds.task(fold)
            ids = [u.id for u in folds.utterances(fold)[task.n_fit :]]
            speakers = task.speakers[task.n_fit :].tolist()
            few = list(_small_tasks(task, draw, draw >= len(folds.splits)))
            work = (delayed(_predictions)(small.task, names) for small in few)
            for small, predictions in zip(few, parallel(work), strict=True):
                for by in small.drawn_by:
                    for name, predicted in predictions.items():
                        key = (name, by, small.size)
                        if predicted is None:
                            failed[key] += 1
                            continue
                        right = predicted == small.task.test_targets
                        asked[key].add(ids, speakers, right)
                        accuracies[key].append(float(right.mean()))
                    shown = (by, small.size)
                    given = small.task.speakers[: small.task.n_train]
                    voices[shown].append(len(np.unique(given)))
                    labels[shown].append(small.task.n_fit)
                    for emotion, count in small.lacking.items():
                        short[shown][emotion] = min(count, short[shown].get(emotion, count))
    for by, size in dict.fromkeys((by, size) for by, size in short if short[by, size]):
        if by is DrawnBy.CLIP:
            log.warning("%s", _shortage(folds.index.code, size, short[by, size]))
    findings = []
    for (name, by, size), answers in asked.items():
        details = {
            "deviation": float(np.std(accuracies[name, by, size], ddof=1))
            if len(accuracies[name, by, size]) > 1
            else None,
            "draws": len(accuracies[name, by, size]),
            "voices": float(np.mean(voices[by, size])),
            "labels": float(np.mean(labels[by, size])),
        }
        notes = []
        if short[by, size]:
            notes.append(_shortage(folds.index.code, size, short[by, size]))
        if failed[name, by, size]:
            notes.append(f"{name} can't be fitted in {failed[name, by, size]} of the draws")
        condition = {"classifier": name, "drawn_by": by.value, "per_class": size}
        findings.append(
            folds.finding("labels", condition, score(answers), details=details, notes=notes)
        )
    for size in SIZES:
        pair = [asked.get((SELECTED, by, size)) for by in DrawnBy]
        if pair[0] is not None and pair[1] is not None:
            condition = {"classifier": SELECTED, "per_class": size, "of": "clip - speaker"}
            paired = difference(pair[0], pair[1])
            findings.append(folds.finding("labels", condition, paired, Measure.DIFFERENCE))
    return findings


@dataclass(frozen=True)
class _Small:
    """A task of few utterances, how they were drawn, and the classes that have too few of them."""

    drawn_by: tuple[DrawnBy, ...]
    size: int | str
    task: Task
    lacking: dict[str, int]


def _small_tasks(task: Task, draw: int, repeated: bool) -> Iterator[_Small]:
    """Of each size, by clip and by speaker; all utterances are no draw and come once a fold."""
    training, validation = np.arange(task.n_train), np.arange(task.n_train, task.n_fit)
    test = np.arange(task.n_fit, len(task.targets))
    counts = {e: int((task.targets[training] == e).sum()) for e in np.unique(task.targets)}
    for number, by in enumerate(DrawnBy):
        for size in SIZES:
            if all(count <= size for count in counts.values()):
                break
            random = np.random.default_rng([draw, number])
            rows = [_draw(task, part, by, size, random) for part in (training, validation)]
            lacking = {e: count for e, count in counts.items() if count < size}
            yield _Small((by,), size, subset(task, rows[0], rows[1], test), lacking)
    if not repeated:
        yield _Small(tuple(DrawnBy), ALL, task, {})


def _draw(
    task: Task, part: np.ndarray, by: DrawnBy, size: int, random: np.random.Generator
) -> np.ndarray:
    """Up to `size` rows of each class; larger sizes hold smaller ones."""
    shuffled = random.permutation(part)
    if by is DrawnBy.SPEAKER:
        order = {s: k for k, s in enumerate(random.permutation(np.unique(task.speakers[part])))}
        ranks = np.array([order[speaker] for speaker in task.speakers[shuffled]])
        shuffled = shuffled[np.argsort(ranks, kind="stable")]
    targets = task.targets[shuffled]
    return np.concatenate([shuffled[targets == e][:size] for e in np.unique(targets)])


def _predictions(task: Task, classifiers: Sequence[str]) -> dict[str, np.ndarray | None]:
    """What each classifier says of the test part, None where it can't be fitted, and the selected.

    kNN and the probe stand beside the others, and are not selected from.
    """
    prepared, best, chosen = PreparedTask(task, STRICT, jobs=1), -1.0, None
    predictions: dict[str, np.ndarray | None] = {}
    for candidate in (*(CLASSIFIERS[name] for name in classifiers), *PROBES):
        fitting = [k for k in candidate.grid.get("n_neighbors", ()) if k <= task.n_train]
        if fitting:
            candidate = replace(candidate, grid={"n_neighbors": fitting})
        try:
            searched = prepared.search(candidate)
            predictions[candidate.name] = prepared.predict_test(candidate, searched.params)
        except CannotFit:
            predictions[candidate.name] = None
            continue
        if candidate.name not in _BESIDE and searched.val_score > best:
            best, chosen = searched.val_score, predictions[candidate.name]
    return predictions | {SELECTED: chosen}


def _shortage(code: str, size: int | str, counts: dict[str, int]) -> str:
    named = ", ".join(f"{emotion} has {count}" for emotion, count in sorted(counts.items()))
    return (
        f"{code}: {size} training utterances a class were asked for, but {named}; all of these "
        "are used."
    )
