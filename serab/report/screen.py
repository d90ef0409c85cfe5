"""The tables that an evaluation shows on the screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from io import TextIOWrapper
from typing import Any

from rich.console import Console
from rich.table import Table

from serab.draws import Draw
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
from serab.results.summary import Spread, spread
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
    divisions = (
        f"{len(chosen)} folds, every speaker tested once"
        if found.folds
        else (f"{len(chosen)} splits")
    )
    title = f"{kind}{chosen[0].task}, {chosen[0].protocol}, {divisions}: {chosen[0].extractor}"
    numbers = ("validation %", "test %", "UAR %", "majority %")
    table = _table(
        title, "fold" if found.folds else "split", "test speakers", "classifier", right=numbers
    )
    for row in chosen:
        speakers = " ".join(row.speakers[:6]) + (" …" if len(row.speakers) > 6 else "")
        scores = (row.val_accuracy, row.test_accuracy, row.test_uar, row.majority)
        cells = (
            str(Draw(row.seed, row.folds).name),
            speakers,
            row.classifier,
            *map(percent, scores),
        )
        table.add_row(*map(on_screen, cells))
    table.add_section()
    mean = f"{percent(found.mean)} ± {percent(found.std)}"
    limits = f"from {percent(found.min)} to {percent(found.max)}"
    over = "mean" if found.speakers is None else f"mean over {len(found.speakers)} speakers"
    table.add_row(over, limits, "", "", mean, "", "", style="bold")
    console.print(table)
    if found.speakers is not None:
        print_line(console, f"{chosen[0].task}, {chosen[0].protocol}: {describe_speakers(found)}")
    console.print()


def describe_speakers(found: Spread) -> str:
    """A cross-validation in a line: each speaker counts once."""
    people = found.speakers or []
    each = sorted(zip(found.accuracies, people, strict=False))
    text = f"{percent(found.mean)} % on average over {len(people)} speakers, each tested once"
    if found.over_speakers:
        text += f", 95 % interval {percent_range(found.over_speakers)} over them"
    worst, best = each[0], each[-1]
    return f"{text}; from {percent(worst[0])} ({worst[1]}) to {percent(best[0])} ({best[1]})"


def print_regression(
    rows: Sequence[RegressionResult], leaks: LeakReport, console: Console | None = None
) -> None:
    """Valence and arousal of one corpus."""
    console = console or standard_output()
    first = rows[0]
    division = Draw(first.seed, first.folds).name
    title = f"{first.task}, {first.protocol}, split {division}: {first.extractor}"
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
    summaries: Sequence[Mapping[str, Any]],
    results: Iterable[ClassifierResult] = (),
    console: Console | None = None,
) -> None:
    """Each task of each protocol and choice, UM, WM and GM, and what is missing for them.

    Corpora beyond the nine, which `results` have, stand behind the means, since they have no part
    in them; demos have no column.
    """
    others = [row for row in results if row.task not in SERAB_TASKS and not row.demo]
    beyond = list(dict.fromkeys(row.task for row in others))
    tasks = [t for t in SERAB_TASKS if any(t in summary["tasks"] for summary in summaries)]
    if not tasks and not beyond:
        return
    console = console or standard_output()
    means = ("UM", "WM", "GM") if tasks else ()
    name = "SERAB" if tasks else "Accuracy"
    names = " and ".join(summary["protocol"] for summary in summaries)
    title = f"{name}, {names}{_divisions(summaries, others)}"
    table = _table(title, "accuracy %", right=(*tasks, *means, *beyond))
    for summary in summaries:
        own = [row for row in others if row.protocol == summary["protocol"]]
        before = f"{summary['protocol']}, " if len(summaries) > 1 else ""
        for mark, entry in _choices(summary).items():
            words = before + MARKS[mark]
            words += " (as in the paper)" if mark is Mark.BEST_ON_TEST else ""
            marked = [row for row in own if row.has(mark)]
            found = [spread([row for row in marked if row.task == task]) for task in beyond]
            cells = [percent(entry["accuracies"].get(task)) for task in tasks]
            cells += [percent(entry[mean]) for mean in means]
            cells += [percent(None if spread is None else spread.mean) for spread in found]
            table.add_row(words, *cells)
    console.print(table)
    if beyond and tasks:
        print_line(console, f"{', '.join(beyond)}: no part of UM, WM and GM.")
    for summary in summaries if tasks else ():
        if summary["missing"]:
            present = summary["present"]
            triple = ", ".join(f"{mean} {percent(present[mean])}" for mean in means)
            words = MARKS[summary["reports"]]
            words = f"{summary['protocol']}, {words}" if len(summaries) > 1 else words
            print_line(
                console,
                f"UM, WM, GM: undefined, missing: {', '.join(summary['missing'])}. Over "
                f"{', '.join(summary['tasks'])} only, {words}: {triple}",
            )
    if len(summaries) > 1:
        print_line(console, "Scores of two protocols aren't compared: docs/protocols.md says why.")
    if tasks:
        console.print()


def _choices(summary: Mapping[str, Any]) -> dict[Mark, Mapping[str, Any]]:
    """The choices of classifier that a protocol shows, the one that it reports first."""
    entries = {Mark(summary["reports"]): summary, **{m: summary[m] for m in MARKS if m in summary}}
    if summary["reports"] == Mark.BEST_ON_TEST:
        none: dict[str, Any] = {"accuracies": {}, **dict.fromkeys(("UM", "WM", "GM"))}
        entries.setdefault(Mark.SELECTED, none)
    return entries


def _divisions(summaries: Sequence[Mapping[str, Any]], others: Sequence[ClassifierResult]) -> str:
    """Of what the numbers are means, where they are any."""
    folds = any(row.folds for row in others)
    folds = folds or any("speakers" in task for s in summaries for task in s["splits"].values())
    if folds:
        return ", mean over all speakers"
    splits = len({row.seed for row in others})
    counts = [len(task["seeds"]) for s in summaries for task in s["splits"].values()]
    splits = max([splits, *counts])
    return f", mean of {splits} splits" if splits > 1 else ""


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
