"""Few labels: accuracy over the utterances a class that are given, and over whose they are."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from serab.analyses.folds import SpeakerFolds, subset
from serab.analyses.pooling import Answers, difference, score
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
    for fold, draw in progress(rounds, f"{folds.index.code} few labels", unit=" draws"):
        task = folds.task(fold)
        ids = [u.id for u in folds.utterances(fold)[task.n_fit :]]
        speakers = task.speakers[task.n_fit :].tolist()
        for by, size, small, lacking in _small_tasks(task, draw, draw >= len(folds.splits)):
            drawn_rows = small.n_fit
            for name, predicted in _predictions(small, folds):
                key = (name, by, size)
                if predicted is None:
                    failed[key] += 1
                    continue
                right = predicted == small.test_targets
                asked[key].add(ids, speakers, right)
                accuracies[key].append(float(right.mean()))
            shown = (by, size)
            voices[shown].append(len(np.unique(small.speakers[: small.n_train])))
            labels[shown].append(drawn_rows)
            for emotion, count in lacking.items():
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


def _small_tasks(
    task: Task, draw: int, repeated: bool
) -> Iterator[tuple[DrawnBy, int | str, Task, dict[str, int]]]:
    """How drawn, size, the task of those utterances, and the classes that have too few of them.

    All of them are no draw: they come once a fold.
    """
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
            yield by, size, subset(task, rows[0], rows[1], test), lacking
    if not repeated:
        for by in DrawnBy:
            yield by, ALL, task, {}


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


def _predictions(task: Task, folds: SpeakerFolds) -> Iterator[tuple[str, np.ndarray | None]]:
    """What each classifier says of the test part, None where it can't be fitted, and the selected.

    kNN and the probe stand beside the others, and are not selected from.
    """
    prepared = PreparedTask(task, STRICT, folds.jobs)
    best, chosen = -1.0, None
    for candidate in (*folds.candidates, *PROBES):
        try:
            fitting = [k for k in candidate.grid.get("n_neighbors", ()) if k <= task.n_train]
            grid = {"n_neighbors": fitting} if fitting else candidate.grid
            candidate = Candidate(candidate.name, candidate.estimator, grid, candidate.predict)
            searched = prepared.search(candidate)
            predicted = prepared.predict_test(candidate, searched.params)
        except CannotFit:
            yield candidate.name, None
            continue
        yield candidate.name, predicted
        if candidate.name not in _BESIDE and searched.val_score > best:
            best, chosen = searched.val_score, predicted
    yield SELECTED, chosen


def _shortage(code: str, size: int | str, counts: dict[str, int]) -> str:
    named = ", ".join(f"{emotion} has {count}" for emotion, count in sorted(counts.items()))
    return (
        f"{code}: {size} training utterances a class were asked for, but {named}; all of these "
        "are used."
    )
