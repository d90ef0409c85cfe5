"""The report's cross-validations: every speaker tested once, each counting the same."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.page import Block, Heading, Table, Text
from serab.report.runs import Run
from serab.report.words import percent, percent_range

HEADER = (
    "run",
    "task",
    "speakers",
    "folds",
    "mean over speakers %",
    "95 % over speakers",
    "deviation",
    "worst speaker",
    "best speaker",
)


def cross_validation(runs: Sequence[Run]) -> list[Block]:
    """Accuracy over all speakers of a task, where a run has it."""
    rows = []
    for run in runs:
        for task in run.tasks:
            found = run.spread(task)
            if found is None or found.speakers is None:
                continue
            each = sorted(zip(found.accuracies, found.speakers, strict=True))
            ends = [f"{percent(score)} ({speaker})" for score, speaker in (each[0], each[-1])]
            mean = f"**{percent(found.mean)}**"
            rows.append(
                (
                    *(f"{run.label}, {run.protocol.name}", task),
                    *(str(len(found.speakers)), str(found.folds)),
                    *(mean, percent_range(found.over_speakers), percent(found.std), *ends),
                )
            )
    if not rows:
        return []
    return [
        Heading("Every speaker tested once"),
        Text(
            "A cross-validation over speakers: each is tested by classifiers that were chosen and "
            "fitted on others. A speaker counts once in the mean, however much was said; the "
            "interval draws speakers. Scores elsewhere on this page are of all utterances together."
        ),
        Table(HEADER, tuple(rows)),
    ]
