"""Scores: pure functions that check first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from serab.corpora import SERAB_TASKS

Values = Sequence | np.ndarray


def _check(true: Values, predicted: Values) -> tuple[np.ndarray, np.ndarray]:
    t, p = np.asarray(true), np.asarray(predicted)
    if t.shape != p.shape or t.ndim != 1 or not len(t):
        raise ValueError(
            f"true has shape {t.shape} and predicted {p.shape}: expected two lists of "
            "one length, not empty."
        )
    return t, p


def _counts(true: Values, predicted: Values) -> np.ndarray:
    """(3, C): right answers, utterances and answers of each class that occurs or is predicted."""
    t, p = _check(true, predicted)
    classes, codes = np.unique(np.concatenate([t, p]), return_inverse=True)
    truth, answers = np.split(codes, 2)
    chosen = (truth[truth == answers], truth, answers)
    return np.stack([np.bincount(values, minlength=len(classes)) for values in chosen])


def accuracy(true: Values, predicted: Values) -> float:
    """Share of right predictions."""
    true, predicted = _check(true, predicted)
    return float(np.mean(true == predicted))


def uar(true: Values, predicted: Values) -> float:
    """Unweighted average recall: the recall of each class that occurs, averaged."""
    right, of_class, _ = _counts(true, predicted)
    occurs = of_class > 0
    return float(np.mean(right[occurs] / of_class[occurs]))


def macro_f1(true: Values, predicted: Values) -> float:
    """F1 of each class that occurs or is predicted, averaged."""
    right, of_class, answered = _counts(true, predicted)
    return float(np.mean(2 * right / (of_class + answered)))


def confusion(true: Values, predicted: Values, labels: Sequence) -> list[list[int]]:
    """Counts, rows true and columns predicted, both in the order of `labels`."""
    t, p = _check(true, predicted)
    unknown = sorted({*t.tolist(), *p.tolist()} - {*labels})
    if unknown:
        raise ValueError(f"labels {unknown} aren't among {list(labels)}.")
    positions = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(positions), len(positions)), dtype=int)
    np.add.at(counts, tuple([positions[x] for x in values.tolist()] for values in (t, p)), 1)
    return counts.tolist()


@dataclass(frozen=True)
class ClassScores:
    """A class among others: its utterances, and its scores, None where one is of nothing."""

    utterances: int
    precision: float | None
    recall: float | None
    f1: float | None


def class_scores(true: Values, predicted: Values, labels: Sequence) -> dict[str, ClassScores]:
    """Precision, recall and F1 of each label, in the order of `labels`."""
    counts = np.array(confusion(true, predicted, labels))
    right, of_class, answered = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return {
        label: ClassScores(int(n), _ratio(r, a), _ratio(r, n), _ratio(2 * r, n + a))
        for label, r, n, a in zip(labels, right, of_class, answered, strict=True)
    }


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def chance(labels: Sequence) -> float:
    """Accuracy of guessing uniformly among the classes."""
    return 1 / len(set(labels))


def majority(train: Values, test: Values) -> float:
    """Test accuracy of always answering with the commonest training class (first by name)."""
    names, counts = np.unique(np.asarray(train), return_counts=True)
    return accuracy(test, [names[counts.argmax()]] * len(test))


def ccc(true: Values, predicted: Values) -> float:
    """Concordance correlation (Lin 1989): 1 for equal values, 0 for a constant guess."""
    t, p = (np.asarray(x, dtype=float) for x in _check(true, predicted))
    covariance = ((t - t.mean()) * (p - p.mean())).mean()
    spread = t.var() + p.var() + (t.mean() - p.mean()) ** 2
    return float(2 * covariance / spread) if spread > 0 else 1.0


def rmse(true: Values, predicted: Values) -> float:
    """Root of the mean squared error, in the unit of the values."""
    t, p = (np.asarray(x, dtype=float) for x in _check(true, predicted))
    return float(np.sqrt(np.mean((t - p) ** 2)))


@dataclass(frozen=True)
class Means:
    """UM, WM and GM over tasks (paper section 2.2), None while `missing` names tasks."""

    um: float | None
    wm: float | None
    gm: float | None
    tasks: tuple[str, ...]
    missing: tuple[str, ...]


def means(
    accuracies: Mapping[str, float],
    test_sizes: Mapping[str, float],
    tasks: Sequence[str] = SERAB_TASKS,
) -> Means:
    """Unweighted mean, mean weighted by test size, and geometric mean of accuracies.

    Args:
        accuracies: by task, in any unit; others than `tasks` are ignored.
        test_sizes: number of test utterances by task.
        tasks: those that belong to the mean; while one is missing there is no mean.

    Raises:
        ValueError: a task without a test size.
    """
    present = tuple(task for task in tasks if task in accuracies)
    missing = tuple(task for task in tasks if task not in accuracies)
    if missing or not present:
        return Means(None, None, None, present, missing)
    unsized = [task for task in present if test_sizes.get(task, 0) <= 0]
    if unsized:
        raise ValueError(f"no test size for {', '.join(unsized)}; WM weighs by it.")
    values = np.array([accuracies[task] for task in present], dtype=float)
    weights = np.array([test_sizes[task] for task in present], dtype=float)
    gm = float(np.exp(np.log(values).mean())) if (values > 0).all() else 0.0
    wm = float((values * weights).sum() / weights.sum())
    return Means(float(values.mean()), wm, gm, present, ())
