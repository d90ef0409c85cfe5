"""The report's scores of each emotion: precision, recall and F1, which an accuracy hides."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.page import Block, Heading, Table, Text
from serab.report.runs import Run
from serab.report.words import DASH, percent
from serab.results.records import ClassifierResult, Predictions
from serab.scores import ClassScores, class_scores

Chosen = tuple[Run, ClassifierResult, Predictions]


def classes(runs: Sequence[Run]) -> list[Block]:
    """Per task a row an emotion; a run has three columns where it is alone, or else one."""
    blocks: list[Block] = []
    for task in dict.fromkeys(task for run in runs for task in run.tasks):
        chosen = list(_chosen(runs, task))
        if chosen:
            table = _of_one_run(chosen[0]) if len(chosen) == 1 else _of_several(chosen)
            blocks += [Heading(task, 3), table]
    if not blocks:
        return []
    return [
        Heading("Each emotion"),
        Text(
            "Precision is the share of right ones among the utterances that were called so, recall "
            "the share of an emotion's utterances that were called so, and F1 their harmonic mean, "
            f"all in percent. {DASH} stands where nothing was called so, or nothing was there."
        ),
        *blocks,
    ]


def _chosen(runs: Sequence[Run], task: str) -> list[Chosen]:
    found = []
    for run in runs:
        row = run.chosen(task)
        answers = run.predicted(row)
        if row is not None and answers is not None:
            found.append((run, row, answers))
    return found


def _of_one_run(chosen: Chosen) -> Table:
    run, row, answers = chosen
    header = ("emotion", "test utterances", "precision %", "recall %", "F1 %")
    rows = [
        (emotion, str(scores.utterances), *map(percent, _three(scores)))
        for emotion, scores in _scores(answers).items()
    ]
    return Table(header, tuple(rows), f"{run.label}, {run.protocol.name}, {row.classifier}.")


def _of_several(chosen: Sequence[Chosen]) -> Table:
    header = ("emotion", *(f"{run.label}, {run.protocol.name}" for run, _, _ in chosen))
    scores = [_scores(answers) for _, _, answers in chosen]
    rows = []
    for emotion in sorted({emotion for one in scores for emotion in one}):
        cells = [
            " / ".join(map(percent, _three(one[emotion]))) if emotion in one else DASH
            for one in scores
        ]
        rows.append((emotion, *cells))
    named = "; ".join(
        f"{run.label}, {run.protocol.name}: {row.classifier}" for run, row, _ in chosen
    )
    return Table(header, tuple(rows), f"Precision / recall / F1, split 0. {named}.")


def _scores(answers: Predictions) -> dict[str, ClassScores]:
    return class_scores(answers.true, answers.predicted, answers.emotions)


def _three(scores: ClassScores) -> tuple[float | None, float | None, float | None]:
    return (scores.precision, scores.recall, scores.f1)
