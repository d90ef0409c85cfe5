"""The paper's Table 3 with the runs' own rows below, published cells marked as published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serab.protocol import Mark
from serab.published import INCONSISTENT, MEANS, TEST_SIZES, table3
from serab.report.page import Block, Heading, Table
from serab.report.runs import Run
from serab.report.words import DASH, MARKS, percent
from serab.scores import SERAB_TASKS, means


def table_3(runs: Sequence[Run]) -> list[Block]:
    """The paper's thirteen rows and the runs', one column a task."""
    choices = [(label, run, mark) for run in runs for label, mark in _choices(run)]
    choices = [(label, run, mark) for label, run, mark in choices if _row_of(run, mark)]
    if not choices:
        return []
    best = _best_cells(runs)
    rows = [("from the paper (published)", *[""] * 12)]
    marks = ["group"]
    for row in table3():
        cells = [_bold(row.accuracies[task], best[task]) for task in SERAB_TASKS]
        rows.append((row.model, *cells, *(f"{row.means[m]:.1f}" for m in MEANS)))
        marks.append("published")
    rows.append(("these runs", *[""] * 12))
    marks.append("group")
    for label, run, mark in choices:
        rows.append((label, *_row_of(run, mark, best)))
        marks.append("own")
    inconsistent = "; ".join(f"{model}: {why}" for model, why in INCONSISTENT.items())
    caption = (
        "Test accuracy in percent, as in Table 3. The paper reports the classifier that is best on "
        "the test part; only rows of the published protocol marked so compare with it. UM, WM and "
        "GM stay undefined (–) while one of the nine tasks is missing. Bold: the best of the "
        f"comparable rows. As printed, one row of the paper contradicts itself ({inconsistent})."
    )
    return [
        Heading("Beside the paper"),
        Table(("model", *SERAB_TASKS, *MEANS), tuple(rows), caption, tuple(marks)),
    ]


def present_only(runs: Sequence[Run]) -> list[Block]:
    """Means over the tasks at hand, for the paper's models too, while some are missing."""
    tasks = [t for t in SERAB_TASKS if all(t in run.tasks for run in runs)]
    if not 1 < len(tasks) < len(SERAB_TASKS):
        return []
    rows, marks = [], []
    for row in table3():
        rows.append((row.model, *_means_over(row.accuracies, TEST_SIZES, tasks)))
        marks.append("published")
    for run in runs:
        for label, mark in _choices(run):
            spreads = {task: run.spread(task, mark) for task in tasks}
            found = {task: spread for task, spread in spreads.items() if spread is not None}
            if len(found) == len(tasks):
                accuracies = {task: 100 * spread.mean for task, spread in found.items()}
                sizes = {task: spread.n_test for task, spread in found.items()}
                rows.append((label, *_means_over(accuracies, sizes, tasks)))
                marks.append("own")
    caption = f"Over {', '.join(tasks)} only; the paper's rows are computed from its cells."
    return [
        Heading(f"Over the {len(tasks)} tasks present", 3),
        Table(("model", *MEANS), tuple(rows), caption, tuple(marks)),
    ]


def _choices(run: Run) -> list[tuple[str, Mark]]:
    """Labels of a run's rows in Table 3, and which mark they show."""
    marks = list(dict.fromkeys((run.protocol.reports, Mark.SELECTED)))
    name = run.label if run.protocol.released_ids else f"{run.label}, {run.protocol.name}"
    return [(f"{name}, {MARKS[mark]}", mark) for mark in marks]


def _row_of(run: Run, mark: Mark, best: Mapping[str, float] | None = None) -> list[str]:
    summary = run.summary
    entry = summary if mark == summary["reports"] else summary.get(mark)
    if entry is None or not entry["accuracies"]:
        return []
    comparable = mark is Mark.BEST_ON_TEST
    cells = []
    for task in SERAB_TASKS:
        value = entry["accuracies"].get(task)
        if value is None:
            cells.append(DASH)
        elif len(summary["splits"][task]["accuracies"]) > 1:
            cells.append(f"{percent(value)} ± {percent(summary['splits'][task]['std'])}")
        else:
            cells.append(_bold(100 * value, best[task] if best and comparable else 101))
    return [*cells, *(percent(entry[name]) for name in MEANS)]


def _best_cells(runs: Sequence[Run]) -> dict[str, float]:
    best = {task: max(row.accuracies[task] for row in table3()) for task in SERAB_TASKS}
    for run in runs:
        for task in best:
            row = run.chosen(task, Mark.BEST_ON_TEST)
            if row:
                best[task] = max(best[task], round(100 * row.tested, 1))
    return best


def _bold(value: float, best: float) -> str:
    text = f"{value:.1f}"
    return f"**{text}**" if float(text) >= best else text


def _means_over(
    accuracies: Mapping[str, float], sizes: Mapping[str, float], tasks: Sequence[str]
) -> list[str]:
    found = means(accuracies, sizes, tasks)
    return [f"{value:.1f}" for value in (found.um, found.wm, found.gm)]
