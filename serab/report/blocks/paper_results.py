"""The table that goes into a paper: a row a run, a column a task, intervals and significance."""

from __future__ import annotations

from collections.abc import Sequence

from serab.compare import LEVEL, holm, paired_test
from serab.protocol import Protocol
from serab.report.page import Table
from serab.report.runs import Run
from serab.report.words import DASH, MARKS, percent, percent_range

SIGNIFICANT = "*"


def paper_results(runs: Sequence[Run]) -> Table:
    """Test accuracies of runs, with 95 % intervals over speakers or the spread over splits."""
    tasks = list(dict.fromkeys(task for run in runs for task in run.tasks))
    baselines: dict[Protocol, Run] = {}
    for run in runs:
        baselines.setdefault(run.protocol, run)
    rows = []
    for run in runs:
        differs = _significant(baselines[run.protocol], run)
        cells = [_cell(run, task) + (SIGNIFICANT if task in differs else "") for task in tasks]
        rows.append((_name(run), *cells))
    marks = " or ".join(
        f"{MARKS[protocol.reports]} ({protocol.name})"
        for protocol in dict.fromkeys(run.protocol for run in runs)
    )
    caption = (
        f"Test accuracy in percent of the classifier {marks}. Brackets: 95 % bootstrap interval "
        "over the test speakers; ±: deviation over speaker splits, or over all speakers."
    )
    if any(SIGNIFICANT in "".join(row[1:]) for row in rows):
        first = " or ".join(map(_name, baselines.values()))
        caption += (
            f" {SIGNIFICANT}: differs from {first}, the first row of its protocol, on the test "
            f"utterances of split 0 (McNemar, Holm over tasks, p < {LEVEL}, and over speakers)."
        )
    return Table(("system", *tasks), tuple(rows), caption)


def _name(run: Run) -> str:
    return f"{run.label}, {run.protocol.name}"


def _cell(run: Run, task: str) -> str:
    spread, row = run.spread(task), run.chosen(task)
    if spread is not None and len(spread.accuracies) > 1:
        return f"{percent(spread.mean)} ± {percent(spread.std)}"
    if row is None:
        return DASH
    interval = f" [{percent_range(row.over_speakers)}]" if row.over_speakers else ""
    return percent(row.test_accuracy) + interval


def _significant(first: Run, second: Run) -> set[str]:
    """Tasks on which two runs of one protocol differ beyond the noise."""
    tests = {}
    for task in first.tasks if first is not second and first.protocol == second.protocol else ():
        pair = [run.predicted(run.chosen(task)) for run in (first, second)]
        if pair[0] is not None and pair[1] is not None:
            try:
                tests[task] = paired_test(pair[0], pair[1])
            except ValueError:  # other test utterances, which the page says
                continue
    adjusted = holm({task: test.p for task, test in tests.items()})
    return {
        task for task, test in tests.items() if not test.within_noise and adjusted[task] < LEVEL
    }
