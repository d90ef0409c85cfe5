"""What a report says, in which order."""

from __future__ import annotations

from collections.abc import Sequence

from serab.protocol import Mark
from serab.report.comparison import comparison
from serab.report.gallery import gallery
from serab.report.page import Block, Card, Cards, Page, Text
from serab.report.paper_table import present_only, table_3
from serab.report.provenance import leaks, protocols, provenance
from serab.report.runs import Run
from serab.report.scores import accuracies, regression, splits
from serab.report.words import percent

_WORDS = {Mark.BEST_ON_TEST: "best on test", Mark.SELECTED: "selected on validation"}


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
    blocks += accuracies(runs) + splits(runs) + comparison(runs) + regression(runs)
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
    """UM where there is one, or else up to three tasks."""
    label = f"{run.label}, {run.protocol.name}"
    summary = run.summary
    if summary["UM"] is not None:
        words = _WORDS[summary["reports"]]
        triple = f"WM {percent(summary['WM'])}, GM {percent(summary['GM'])}; {words}"
        return [Card(label, f"UM {percent(summary['UM'])} %", triple)]
    cards = []
    for task in run.tasks[:3]:
        row = run.chosen(task)
        if row is None:
            continue
        words = _WORDS[run.protocol.reports]
        detail = f"{round(row.tested * row.n_test)} of {row.n_test}, {row.classifier} ({words})"
        other = run.chosen(task, Mark.SELECTED)
        if other is not None and other is not row:
            detail += f"; {percent(other.test_accuracy)} % selected on validation"
        if len(run.seeds) > 1:
            spread = summary["splits"].get(task)
            if spread:
                mean, deviation = percent(spread["mean"]), percent(spread["std"])
                detail = f"mean of {len(run.seeds)} splits, ± {deviation}; {words}"
                cards.append(Card(label, f"{task} {mean} %", detail))
                continue
        cards.append(Card(label, f"{task} {percent(row.test_accuracy)} %", detail))
    return cards
