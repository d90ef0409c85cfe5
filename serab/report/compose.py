"""What a report says, in which order."""

from __future__ import annotations

from collections.abc import Sequence

from serab.protocol import Mark
from serab.published import MEANS
from serab.report.blocks.classes import classes
from serab.report.blocks.comparison import comparison
from serab.report.blocks.cross_validation import cross_validation
from serab.report.blocks.gallery import gallery
from serab.report.blocks.layers import layers
from serab.report.blocks.paper_table import present_only, table_3
from serab.report.blocks.provenance import leaks, protocols, provenance
from serab.report.blocks.scores import accuracies, regression, splits
from serab.report.findings.blocks import analyses
from serab.report.page import Block, Card, Cards, Page, Table, Text
from serab.report.runs import Run
from serab.report.words import DASH, MARKS, percent, right
from serab.scores import SERAB_TASKS

MOST_CARDS = 4
"""What stands in one row of a page."""


def compose(runs: Sequence[Run]) -> Page:
    """The page of some runs, all real or all demo."""
    demo = runs[0].demo
    systems = ", ".join(dict.fromkeys(run.label for run in runs))
    blocks: list[Block] = []
    if demo:
        blocks.append(
            Text(
                "**This is a demo.** The speech is synthetic: the scores show that everything "
                "works, and say nothing about speech emotion recognition. They belong beside no "
                "published number.",
                "warning",
            )
        )
    blocks += _headlines(runs)
    if not demo:
        blocks += table_3(runs) + present_only(runs)
    blocks += (
        accuracies(runs)
        + cross_validation(runs)
        + splits(runs)
        + comparison(runs)
        + layers(runs)
        + regression(runs)
    )
    blocks += analyses(runs)
    blocks += gallery(runs) + classes(runs) + protocols(runs) + leaks(runs) + provenance(runs)
    return Page(
        "Demo speech: not a benchmark" if demo else "Speech emotion recognition on SERAB",
        f"{systems}: {_tasks(runs)}",
        tuple(blocks),
    )


def _tasks(runs: Sequence[Run]) -> str:
    tasks = sorted({task for run in runs for task in run.tasks})
    protocols = ", ".join(dict.fromkeys(run.protocol.name for run in runs))
    noun = "protocol" if "," not in protocols else "protocols"
    named = f"on {', '.join(tasks)}" if tasks else "valence and arousal"
    return f"{named}, {noun} {protocols}."


def _headlines(runs: Sequence[Run]) -> list[Block]:
    """The numbers that should be seen first: a row of cards, or a table where they are more."""
    cards = [card for run in runs for card in _cards(run)]
    if len(cards) <= MOST_CARDS:
        return [Cards(tuple(cards))] if cards else []
    tasks = list(dict.fromkeys(task for run in runs for task in run.tasks))
    means = MEANS if any(run.summary["UM"] is not None for run in runs) else ()
    rows = []
    for run in runs:
        cells = [_headline(run, task) for task in tasks]
        cells += [percent(run.summary[mean]) for mean in means]
        rows.append((f"{run.label}, {run.protocol.name}", MARKS[run.protocol.reports], *cells))
    caption = "Test accuracy in percent; ± is the deviation over speaker splits."
    return [Table(("run", "classifier", *tasks, *means), tuple(rows), caption)]


def _headline(run: Run, task: str) -> str:
    spread = run.spread(task)
    if spread is None:
        return DASH
    several = len(spread.accuracies) > 1
    return percent(spread.mean) + (f" ± {percent(spread.std)}" if several else "")


def _cards(run: Run) -> list[Card]:
    """UM where there is one, or else up to three of the nine; and each corpus beyond them."""
    label = f"{run.label}, {run.protocol.name}"
    summary = run.summary
    if summary["UM"] is not None:
        words = MARKS[summary["reports"]]
        triple = f"WM {percent(summary['WM'])}, GM {percent(summary['GM'])}; {words}"
        cards = [Card(label, f"UM {percent(summary['UM'])} %", triple)]
        shown = []
    else:
        cards = []
        shown = [task for task in run.tasks if task in SERAB_TASKS][:3]
    for task in (*shown, *(task for task in run.tasks if task not in SERAB_TASKS)):
        spread, row = run.spread(task), run.chosen(task)
        words = MARKS[run.protocol.reports]
        if spread is not None and len(spread.accuracies) > 1:
            kind = "speakers, each tested once" if spread.speakers else "splits"
            detail = f"mean of {len(spread.accuracies)} {kind}, ± {percent(spread.std)}; {words}"
            cards.append(Card(label, f"{task} {percent(spread.mean)} %", detail))
        elif row is not None:
            detail = f"{right(row.tested, row.n_test)}, {row.classifier} ({words})"
            other = run.chosen(task, Mark.SELECTED)
            if other is not None and other is not row:
                detail += f"; {percent(other.test_accuracy)} % selected on validation"
            cards.append(Card(label, f"{task} {percent(row.test_accuracy)} %", detail))
    return cards
