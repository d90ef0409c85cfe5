"""The tables that an evaluation shows on the screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from io import TextIOWrapper
from typing import Any

from rich.console import Console
from rich.table import Table

from serab.escaping import on_screen
from serab.protocol import PROTOCOLS, Mark
from serab.report.words import (
    FEW_SPEAKERS,
    MARKS,
    correlation,
    parameters,
    percent,
    percent_range,
    right,
)
from serab.results.records import ClassifierResult, RegressionResult
from serab.results.summary import spread
from serab.scores import SERAB_TASKS
from serab.splits import LeakReport


def print_task(
    rows: Sequence[ClassifierResult], leaks: LeakReport, console: Console | None = None
) -> None:
    """One corpus: every classifier, the selected and the best named, chance and majority."""
    console = console or standard_output()
    first = rows[0]
    kind = "DEMO, not a benchmark: " if first.demo else ""
    title = f"{kind}{first.task}, {first.protocol}, split {first.seed}: {first.extractor} " + (
        f"({first.embed_dim} dimensions)" + (" PARTIAL CORPUS" if first.partial else "")
    )
    table = _table(title, "classifier", "parameters", right=("validation %", "test %", "UAR %"))
    table.add_column("")
    for row in rows:
        marks = [text for mark, text in MARKS.items() if row.has(mark)]
        scores = (row.val_accuracy, row.test_accuracy, row.test_uar)
        cells = (row.classifier, parameters(row.params), *map(percent, scores))
        style = "bold" if marks else None
        table.add_row(*map(on_screen, cells), "\n".join(marks), style=style)
    table.add_section()
    table.add_row("chance", "", "", percent(first.chance), "", "")
    table.add_row("majority class", "", "", percent(first.majority), "", "")
    console.print(table)
    for row in rows:
        for mark, text in MARKS.items():
            if row.has(mark):
                print_line(console, f"{text}: {describe(row)}")
    sizes = f"{first.n_train} training, {first.n_val} validation, {first.n_test} test utterances"
    print_line(console, f"{sizes}; leaks: {'; '.join(leaks.lines())}")
    console.print()


def describe(row: ClassifierResult) -> str:
    """A tested classifier in a line: accuracy, and how far it would move with other data."""
    text = f"{row.classifier} {percent(row.test_accuracy)} % ({right(row.tested, row.n_test)})"
    if row.over_utterances:
        text += f", 95 % interval {percent_range(row.over_utterances)} over utterances"
    speakers = len(row.speakers)
    if row.over_speakers and speakers < FEW_SPEAKERS:
        text += f", {percent_range(row.over_speakers)} between the {speakers} test speakers"
    elif row.over_speakers:
        text += f", {percent_range(row.over_speakers)} over {speakers} test speakers"
    return text


def print_splits(rows: Sequence[ClassifierResult], console: Console | None = None) -> None:
    """One corpus over several splits: how much is the split's luck."""
    console = console or standard_output()
    chosen = [row for row in rows if row.has(PROTOCOLS[row.protocol].reports)]
    found = spread(chosen)
    if found is None:
        return
    kind = "DEMO, not a benchmark: " if chosen[0].demo else ""
    title = f"{kind}{chosen[0].task}, {chosen[0].protocol}, {len(chosen)} splits"
    numbers = ("validation %", "test %", "UAR %", "majority %")
    table = _table(title, "split", "test speakers", "classifier", right=numbers)
    for row in chosen:
        speakers = " ".join(row.speakers[:6]) + (" …" if len(row.speakers) > 6 else "")
        scores = (row.val_accuracy, row.test_accuracy, row.test_uar, row.majority)
        cells = (str(row.seed), speakers, row.classifier, *map(percent, scores))
        table.add_row(*map(on_screen, cells))
    table.add_section()
    mean = f"{percent(found.mean)} ± {percent(found.std)}"
    limits = f"from {percent(found.min)} to {percent(found.max)}"
    table.add_row("mean", limits, "", "", mean, "", "", style="bold")
    console.print(table)
    console.print()


def print_regression(
    rows: Sequence[RegressionResult], leaks: LeakReport, console: Console | None = None
) -> None:
    """Valence and arousal of one corpus."""
    console = console or standard_output()
    first = rows[0]
    title = f"{first.task}, {first.protocol}, split {first.seed}: {first.extractor}"
    numbers = ("validation CCC", "test CCC", "test RMSE")
    table = _table(title, "", "regressor", "parameters", right=numbers)
    table.add_column("")
    for row in rows:
        scores = (row.val_ccc, row.test_ccc, row.test_rmse)
        mark = MARKS[Mark.SELECTED] if row.selected else ""
        cells = (row.dimension, row.regressor, parameters(row.params), *map(correlation, scores))
        table.add_row(*map(on_screen, (*cells, mark)), style="bold" if row.selected else None)
    console.print(table)
    print_line(console, f"leaks: {'; '.join(leaks.lines())}")
    console.print()


def print_summary(
    summary: Mapping[str, Any],
    results: Iterable[ClassifierResult] = (),
    console: Console | None = None,
) -> None:
    """Each task of each choice, UM, WM and GM, and what is missing for them.

    Corpora beyond the nine, which `results` have, stand behind the means, since they have no part
    in them; demos have no column.
    """
    others = [row for row in results if row.task not in SERAB_TASKS and not row.demo]
    beyond = list(dict.fromkeys(row.task for row in others))
    if not summary["tasks"] and not beyond:
        return
    console = console or standard_output()
    means = ("UM", "WM", "GM") if summary["tasks"] else ()
    splits = len({row.seed for row in others})
    splits = max([splits, *(len(task["seeds"]) for task in summary["splits"].values())])
    name = "SERAB" if summary["tasks"] else "Accuracy"
    title = f"{name}, {summary['protocol']}" + (f", mean of {splits} splits" if splits > 1 else "")
    table = _table(title, "accuracy %", right=(*summary["tasks"], *means, *beyond))
    entries = {Mark(summary["reports"]): summary, **{m: summary[m] for m in MARKS if m in summary}}
    if summary["reports"] == Mark.BEST_ON_TEST:
        entries.setdefault(Mark.SELECTED, {"accuracies": {}, **dict.fromkeys(means)})
    for mark, entry in entries.items():
        words = MARKS[mark] + (" (as in the paper)" if mark is Mark.BEST_ON_TEST else "")
        marked = [row for row in others if row.has(mark)]
        found = [spread([row for row in marked if row.task == task]) for task in beyond]
        cells = [percent(entry["accuracies"].get(task)) for task in summary["tasks"]]
        cells += [percent(entry[mean]) for mean in means]
        cells += [percent(None if accuracies is None else accuracies.mean) for accuracies in found]
        table.add_row(words, *cells)
    console.print(table)
    if beyond and summary["tasks"]:
        print_line(console, f"{', '.join(beyond)}: no part of UM, WM and GM.")
    if summary["tasks"] and summary["missing"]:
        present = summary["present"]
        triple = ", ".join(f"{mean} {percent(present[mean])}" for mean in means)
        print_line(
            console,
            f"UM, WM, GM: undefined, missing: {', '.join(summary['missing'])}. Over "
            f"{', '.join(summary['tasks'])} only, {MARKS[summary['reports']]}: {triple}",
        )
        console.print()


def standard_output() -> Console:
    """Standard output; letters that its encoding lacks, such as a dash in Latin-1, become `?`."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console()


def _table(title: str, *left: str, right: Sequence[str]) -> Table:
    table = Table(title=on_screen(title))
    for column in left:
        table.add_column(on_screen(column))
    for column in right:
        table.add_column(on_screen(column), justify="right")
    return table


def print_line(console: Console, text: str) -> None:
    """A sentence, as long as it is."""
    console.print(on_screen(text), highlight=False, soft_wrap=True)


def print_rows(
    console: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """A table whose first column is text and the others are numbers."""
    table = _table(title, header[0], right=header[1:])
    for row in rows:
        table.add_row(*map(on_screen, row))
    console.print(table)
