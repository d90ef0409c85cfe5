"""Systems on a task side by side: intervals, and paired tests against the first, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from serab.escaping import in_markdown
from serab.leaderboard.entry import Entry
from serab.leaderboard.rows import Row, rows_of
from serab.report.words import DASH, p_value, percent, percent_range, points, points_range

HEADER = (
    *("system", "D", "accuracy, %", "95 %, speakers", "95 %, utterances", "classifier"),
    *("behind the first", "95 %, speakers", "right alone: first, this", "p (Holm)"),
)


def comparison(entries: Iterable[Entry], tasks: Sequence[str]) -> str:
    """A table for each task and division; accuracies in percent, differences in points.

    The two intervals are of the released split, or of all folds together, which the paired test is
    of too. A leader has no test; nor has who was tested on other utterances.
    """
    rows = [row for row in rows_of(entries) if row.task in tasks and row.entry is not None]
    found = sorted(dict.fromkeys((tasks.index(row.task), row.protocol) for row in rows))
    blocks = [
        _block(f"{tasks[i]}, {division}", [r for r in rows if _is_of(r, tasks[i], division)])
        for i, division in found
    ]
    return "\n\n".join(blocks)


def _is_of(row: Row, task: str, division: str) -> bool:
    return (row.task, row.protocol) == (task, division)


def _block(title: str, rows: Sequence[Row]) -> str:
    lines = [
        f"**{title}**",
        "",
        "| " + " | ".join(HEADER) + " |",
        "|---" * len(HEADER) + "|",
    ]
    return "\n".join([*lines, *map(_line, rows)])


def _line(row: Row) -> str:
    entry, test = row.entry, row.behind
    assert entry is not None
    spread = "" if row.deviation is None else f" ± {percent(row.deviation)}"
    speakers, utterances = entry.intervals
    cells = [
        in_markdown(row.system),
        f"{entry.system.embed_dim:,}",
        percent(row.accuracy) + spread,
        percent_range(speakers),
        percent_range(utterances),
        ", ".join(entry.classifiers),
    ]
    if test is None or row.p_holm is None:
        cells += [DASH] * 4
    else:
        limits = test.over_speakers
        cells += [
            points(test.difference),
            points_range(None if limits is None else (limits.low, limits.high)),
            f"{test.only_first}, {test.only_second}",
            p_value(row.p_holm),
        ]
    return "| " + " | ".join(cells) + " |"
