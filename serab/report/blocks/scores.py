"""The report's scores: accuracies with intervals, several splits, valence and arousal."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

from serab.protocol import Mark
from serab.published import table3
from serab.report.page import Block, Heading, Picture, Pictures, Table, Text
from serab.report.pictures import Bar, accuracy_picture, picture_name
from serab.report.runs import Run
from serab.report.words import (
    FEW_SPEAKERS,
    MARKS,
    SHORT_MARKS,
    correlation,
    parameters,
    percent,
    percent_range,
    right,
)
from serab.results.records import ClassifierResult
from serab.scores import SERAB_TASKS


def accuracies(runs: Sequence[Run]) -> list[Block]:
    """Per task: each run's classifiers with intervals, chance and majority."""
    tasks = list(dict.fromkeys(task for run in runs for task in run.tasks))
    if not tasks:
        return []
    blocks: list[Block] = [
        Heading("Accuracy and its uncertainty"),
        Text(
            "Intervals are 95 % bootstrap intervals, over utterances and over the test speakers "
            "with all of their utterances. Utterances of one voice go right or wrong together, so "
            f"the one over speakers is the honest one; with fewer than {FEW_SPEAKERS} test "
            "speakers it is only the range between them, and marked †."
        ),
    ]
    header = (
        "run",
        "chosen as",
        "test %",
        "right",
        "95 % over utterances",
        "95 % over speakers",
        "chance %",
        "majority %",
        "UAR %",
        "macro F1 %",
        "validation %",
        "classifier",
    )
    for task in tasks:
        rows, bars = [], []
        for run in runs:
            label = f"{run.label}, {run.protocol.name}"
            chosen = [run.chosen(task, mark) for mark in (run.protocol.reports, *MARKS)]
            for row in {row.slot: row for row in chosen if row}.values():
                rows.append(_accuracy_row(label, row))
                bars.append((label, row))
        first = bars[0][1]
        partial = " (partial corpus)" if any(row.partial for _, row in bars) else ""
        blocks += [
            Heading(f"{task}{partial}", 3),
            Table(header, tuple(rows), "Split 0, or all folds together."),
            Pictures((_accuracy_picture(task, bars, first, runs),)),
        ]
    return blocks


def splits(runs: Sequence[Run]) -> list[Block]:
    """How far the accuracy moves with the speakers that are drawn for the test."""
    rows = []
    for run in runs:
        for task in run.tasks if len(run.seeds) > 1 else ():
            chosen = [row for seed in run.seeds if (row := run.chosen(task, seed=seed))]
            values = [row.tested for row in chosen]
            if len(values) < 2:
                continue
            each = ", ".join(
                f"{percent(v)} ({r.classifier})" for v, r in zip(values, chosen, strict=True)
            )
            spread = (percent(mean(values)), percent(stdev(values)))
            limits = f"{percent(min(values))} to {percent(max(values))}"
            rows.append((f"{run.label}, {run.protocol.name}", task, *spread, limits, each))
    if not rows:
        return []
    header = ("run", "task", "mean %", "deviation", "range %", "each split (classifier)")
    return [
        Heading("Over several speaker splits"),
        Text(
            "The same rule with other seeds puts other speakers into the test part. With few "
            "speakers this luck is larger than the gaps between good encoders."
        ),
        Table(header, tuple(rows)),
    ]


def regression(runs: Sequence[Run]) -> list[Block]:
    """Valence and arousal, where a run has them."""
    rows, marks = [], []
    for run in runs:
        for row in run.regression:
            scores = (row.val_ccc, row.test_ccc, row.test_rmse)
            cells = [correlation(score) for score in scores]
            label = f"{run.label}, {run.protocol.name}"
            chosen = MARKS[Mark.SELECTED] if row.selected else ""
            rows.append((label, row.task, row.dimension, row.regressor, *cells, chosen))
            marks.append("own" if row.selected else "")
    if not rows:
        return []
    header = (
        "run",
        "task",
        "dimension",
        "regressor",
        "validation CCC",
        "test CCC",
        "test RMSE",
        "",
    )
    return [
        Heading("Valence and arousal"),
        Text("Concordance correlation (CCC): 1 for equal values, 0 for a constant guess."),
        Table(header, tuple(rows), "No part of UM, WM and GM.", tuple(marks)),
    ]


def _accuracy_row(label: str, row: ClassifierResult) -> tuple[str, ...]:
    few = " †" if len(row.speakers) < FEW_SPEAKERS else ""
    marks = ", ".join(text for mark, text in MARKS.items() if row.has(mark))
    return (
        label,
        marks,
        f"**{percent(row.test_accuracy)}**",
        right(row.tested, row.n_test),
        percent_range(row.over_utterances),
        percent_range(row.over_speakers) + (few if row.over_speakers else ""),
        *(percent(x) for x in (row.chance, row.majority, row.test_uar, row.test_macro_f1)),
        percent(row.val_accuracy),
        f"{row.classifier} {parameters(row.params) if row.params else ''}".strip(),
    )


def _accuracy_picture(
    task: str,
    bars: Sequence[tuple[str, ClassifierResult]],
    first: ClassifierResult,
    runs: Sequence[Run],
) -> Picture:
    drawn = [
        Bar(
            f"{label}: {row.classifier}, "
            + ", ".join(text for mark, text in SHORT_MARKS.items() if row.has(mark)),
            row.tested,
            _interval(row.over_speakers),
            _interval(row.over_utterances),
            bool(row.best_on_test if row.best_on_test is not None else row.selected),
        )
        for label, row in bars
    ]
    comparable = task in SERAB_TASKS and any(run.protocol.released_ids for run in runs)
    cells = [row.accuracies[task] / 100 for row in table3()] if comparable else []
    spoken = "; ".join(f"{bar.label}: {100 * bar.score:.1f} %" for bar in drawn)
    return accuracy_picture(
        picture_name("accuracy", task),
        f"Test accuracy on {task} with intervals over speakers and over utterances. {spoken}",
        drawn,
        first.chance,
        first.majority,
        cells,
    )


def _interval(limits: Sequence[float] | None) -> tuple[float, float] | None:
    return (limits[0], limits[1]) if limits else None
