"""The tables that an evaluation shows on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from serab.results import ClassifierResult
from serab.splits import LeakReport

_DASH = "–"


def print_task(
    rows: Sequence[ClassifierResult], leaks: LeakReport, console: Console | None = None
) -> None:
    """One corpus: every classifier, the selected and the best named, chance and majority."""
    console = console or Console()
    first = rows[0]
    kind = "DEMO, not a benchmark: " if first.demo else ""
    title = (
        f"{kind}{first.task}, {first.protocol}: {first.extractor} ({first.embed_dim} dimensions)"
    )
    table = Table(title=title + (" PARTIAL CORPUS" if first.partial else ""))
    for column in ("classifier", "parameters"):
        table.add_column(column)
    for column in ("validation %", "test %", "UAR %"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows:
        marks = ["selected on validation"] * row.selected + ["best on test"] * row.best_on_test
        parameters = ", ".join(f"{key} {value}" for key, value in row.params.items())
        table.add_row(
            *(row.classifier, parameters or _DASH, percent(row.val_accuracy)),
            *(percent(row.test_accuracy), percent(row.test_uar), ", ".join(marks)),
            style="bold" if marks else None,
        )
    table.add_section()
    table.add_row("chance", "", "", percent(first.chance), "", "")
    table.add_row("majority", "", "", percent(first.majority), "", "commonest training class")
    console.print(table)
    sizes = f"{first.n_train} training, {first.n_val} validation, {first.n_test} test utterances"
    console.print(f"{sizes}; leaks: {'; '.join(leaks.lines())}\n", highlight=False)


def print_summary(
    summary: dict[str, Any], results: Sequence[ClassifierResult], console: Console | None = None
) -> None:
    """UM, WM and GM of both choices, and what is missing for them. Demos have no part in it."""
    if not summary["tasks"]:
        return
    console = console or Console()
    table = Table(title=f"SERAB, {summary['protocol']}")
    table.add_column("accuracy %")
    for task in summary["tasks"]:
        table.add_column(task, justify="right")
    for mean in ("UM", "WM", "GM"):
        table.add_column(mean, justify="right")
    for name, entry in (
        ("best on test (as in the paper)", summary),
        ("selected on validation", summary["selected_on_validation"]),
    ):
        cells = [percent(entry["accuracies"].get(task)) for task in summary["tasks"]]
        table.add_row(name, *cells, *(percent(entry[mean]) for mean in ("UM", "WM", "GM")))
    console.print(table)
    if summary["missing"]:
        present = summary["present"]
        triple = ", ".join(f"{mean} {percent(present[mean])}" for mean in ("UM", "WM", "GM"))
        console.print(
            f"UM, WM, GM: undefined, missing: {', '.join(summary['missing'])}. Over the tasks "
            f"present only, best on test: {triple}\n",
            highlight=False,
        )


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with one decimal, a dash for None."""
    return _DASH if fraction is None else f"{100 * fraction:.1f}"
