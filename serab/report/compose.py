"""What a report says, in which order."""

from __future__ import annotations

from collections.abc import Sequence

from serab.protocol import Mark
from serab.report.blocks.comparison import comparison
from serab.report.blocks.gallery import gallery
from serab.report.blocks.layers import layers
from serab.report.blocks.paper_table import present_only, table_3
from serab.report.blocks.provenance import leaks, protocols, provenance
from serab.report.blocks.scores import accuracies, regression, splits
from serab.report.page import Block, Card, Cards, Page, Text
from serab.report.runs import Run
from serab.report.words import MARKS, percent, right
from serab.scores import SERAB_TASKS


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
    blocks.append(Cards(tuple(card for run in runs for card in _cards(run))))
    if not demo:
        blocks += table_3(runs) + present_only(runs)
    blocks += accuracies(runs) + splits(runs) + comparison(runs) + layers(runs)
    blocks += regression(runs)
    blocks += gallery(runs) + protocols(runs) + leaks(runs) + provenance(runs)
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
            detail = f"mean of {len(spread.accuracies)} splits, ± {percent(spread.std)}; {words}"
            cards.append(Card(label, f"{task} {percent(spread.mean)} %", detail))
        elif row is not None:
            detail = f"{right(row.tested, row.n_test)}, {row.classifier} ({words})"
            other = run.chosen(task, Mark.SELECTED)
            if other is not None and other is not row:
                detail += f"; {percent(other.test_accuracy)} % selected on validation"
            cards.append(Card(label, f"{task} {percent(row.test_accuracy)} %", detail))
    return cards
