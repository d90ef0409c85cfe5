"""The tables that an evaluation shows on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from rich.console import Console
from rich.table import Table

from serab.protocol import PROTOCOLS, Mark
from serab.report.words import _DASH, FEW_SPEAKERS, MARKS, _limits, parameters, percent
from serab.results.records import ClassifierResult, RegressionResult
from serab.splits import LeakReport


def print_task(
    rows: Sequence[ClassifierResult], leaks: LeakReport, console: Console | None = None
) -> None:
    """One corpus: every classifier, the selected and the best named, chance and majority."""
    console = console or Console()
    first = rows[0]
    kind = "DEMO, not a benchmark: " if first.demo else ""
    table = Table(
        title=f"{kind}{first.task}, {first.protocol}, split {first.seed}: {first.extractor} "
        f"({first.embed_dim} dimensions)" + (" PARTIAL CORPUS" if first.partial else "")
    )
    for column in ("classifier", "parameters"):
        table.add_column(column)
    for column in ("validation %", "test %", "UAR %"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows:
        marks = [text for mark, text in MARKS.items() if row.has(mark)]
        table.add_row(
            *(row.classifier, parameters(row.params), percent(row.val_accuracy)),
            *(percent(row.test_accuracy), percent(row.test_uar), "\n".join(marks)),
            style="bold" if marks else None,
        )
    table.add_section()
    table.add_row("chance", "", "", percent(first.chance), "", "")
    table.add_row("majority class", "", "", percent(first.majority), "", "")
    console.print(table)
    for row in rows:
        for mark, text in MARKS.items():
            if row.has(mark):
                console.print(f"{text}: {describe(row)}", highlight=False, soft_wrap=True)
    sizes = f"{first.n_train} training, {first.n_val} validation, {first.n_test} test utterances"
    console.print(f"{sizes}; leaks: {'; '.join(leaks.lines())}\n", highlight=False, soft_wrap=True)


def describe(row: ClassifierResult) -> str:
    """A tested classifier in a line: accuracy, and how far it would move with other data."""
    right = round(row.tested * row.n_test)
    text = f"{row.classifier} {percent(row.test_accuracy)} % ({right}/{row.n_test})"
    if row.over_utterances:
        text += f", 95 % interval {_limits(row.over_utterances)} over utterances"
    speakers = len(row.speakers)
    if row.over_speakers and speakers < FEW_SPEAKERS:
        text += f", {_limits(row.over_speakers)} between the {speakers} test speakers"
    elif row.over_speakers:
        text += f", {_limits(row.over_speakers)} over {speakers} test speakers"
    return text


def print_splits(rows: Sequence[ClassifierResult], console: Console | None = None) -> None:
    """One corpus over several splits: how much is the split's luck."""
    console = console or Console()
    chosen = [row for row in rows if row.has(PROTOCOLS[row.protocol].reports)]
    accuracies = [row.tested for row in chosen]
    kind = "DEMO, not a benchmark: " if chosen[0].demo else ""
    table = Table(title=f"{kind}{chosen[0].task}, {chosen[0].protocol}, {len(chosen)} splits")
    table.add_column("split")
    table.add_column("test speakers")
    table.add_column("classifier")
    for column in ("validation %", "test %", "UAR %", "majority %"):
        table.add_column(column, justify="right")
    for row in chosen:
        speakers = " ".join(row.speakers[:6]) + (" …" if len(row.speakers) > 6 else "")
        table.add_row(
            *(str(row.seed), speakers, row.classifier, percent(row.val_accuracy)),
            *(percent(row.test_accuracy), percent(row.test_uar), percent(row.majority)),
        )
    table.add_section()
    spread = f"{percent(mean(accuracies))} ± {percent(stdev(accuracies))}"
    limits = f"from {percent(min(accuracies))} to {percent(max(accuracies))}"
    table.add_row("mean", limits, "", "", spread, "", "", style="bold")
    console.print(table)
    console.print()


def print_regression(
    rows: Sequence[RegressionResult], leaks: LeakReport, console: Console | None = None
) -> None:
    """Valence and arousal of one corpus."""
    console = console or Console()
    first = rows[0]
    table = Table(title=f"{first.task}, {first.protocol}, split {first.seed}: {first.extractor}")
    for column in ("", "regressor", "parameters"):
        table.add_column(column)
    for column in ("validation CCC", "test CCC", "test RMSE"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows:
        scores = (row.val_ccc, row.test_ccc, row.test_rmse)
        table.add_row(
            *(row.dimension, row.regressor, parameters(row.params)),
            *(_DASH if score is None else f"{score:.3f}" for score in scores),
            MARKS[Mark.SELECTED] if row.selected else "",
            style="bold" if row.selected else None,
        )
    console.print(table)
    console.print(f"leaks: {'; '.join(leaks.lines())}\n", highlight=False, soft_wrap=True)


def print_summary(summary: Mapping[str, Any], console: Console | None = None) -> None:
    """UM, WM and GM of each choice, and what is missing for them. Demos have no part in it."""
    if not summary["tasks"]:
        return
    console = console or Console()
    splits = max(len(of["seeds"]) for of in summary["splits"].values())
    title = f"SERAB, {summary['protocol']}" + (f", mean of {splits} splits" if splits > 1 else "")
    table = Table(title=title)
    table.add_column("accuracy %")
    for column in (*summary["tasks"], "UM", "WM", "GM"):
        table.add_column(column, justify="right")
    entries = {Mark(summary["reports"]): summary, **{m: summary[m] for m in MARKS if m in summary}}
    for mark, entry in entries.items():
        name = MARKS[mark] + (" (as in the paper)" if mark is Mark.BEST_ON_TEST else "")
        cells = [percent(entry["accuracies"].get(task)) for task in summary["tasks"]]
        table.add_row(name, *cells, *(percent(entry[mean]) for mean in ("UM", "WM", "GM")))
    console.print(table)
    if summary["missing"]:
        present = summary["present"]
        triple = ", ".join(f"{mean} {percent(present[mean])}" for mean in ("UM", "WM", "GM"))
        console.print(
            f"UM, WM, GM: undefined, missing: {', '.join(summary['missing'])}. Over "
            f"{', '.join(summary['tasks'])} only, {MARKS[summary['reports']]}: {triple}\n",
            highlight=False,
            soft_wrap=True,
        )
