"""Entries as the rows of a table: who leads, and whether the others differ from the leader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from serab.compare import PairedTest, holm, paired_test
from serab.intervals import mean_interval
from serab.leaderboard.entry import Entry
from serab.protocol import PROTOCOLS
from serab.published import table3
from serab.scores import SERAB_TASKS


@dataclass(frozen=True)
class Row:
    """One system on one task; fractions.

    `protocol` says the folds too. `behind` is the leader minus this one, in pairs on the released
    split or over all folds, with Holm's p over all others of the task; None for the leader and for
    printed rows, whose answers nobody has.
    """

    entry: Entry | None
    system: str
    kind: str
    task: str
    protocol: str
    accuracy: float
    deviation: float | None
    low: float | None
    high: float | None
    behind: PairedTest | None = None
    p_holm: float | None = None


def rows_of(entries: Iterable[Entry]) -> list[Row]:
    """All rows, best first within a task and protocol; the paper's stand among the published."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.task, entry.division].append(entry)
    rows = []
    for task, division in sorted(groups, key=lambda key: (key[1], key[0])):
        ranked = sorted(groups[task, division], key=lambda entry: -entry.mean)
        tests = {e.system.name: _behind(ranked[0], e) for e in ranked[1:]}
        adjusted = holm({name: test.p for name, test in tests.items() if test})
        found = [_row(e, tests.get(e.system.name), adjusted.get(e.system.name)) for e in ranked]
        rows += sorted([*found, *_printed(task, ranked[0].protocol)], key=lambda row: -row.accuracy)
    return rows


def _row(entry: Entry, behind: PairedTest | None, p: float | None) -> Row:
    limits = entry.first.over_speakers or entry.first.over_utterances
    low, high = limits if limits else (None, None)
    if entry.folds is not None and (interval := mean_interval(entry.accuracies)):
        low, high = interval.low, interval.high
    elif entry.deviation is not None:
        low, high = entry.mean - entry.deviation, entry.mean + entry.deviation
    return Row(
        entry,
        entry.system.name,
        entry.system.kind,
        entry.task,
        entry.division,
        entry.mean,
        entry.deviation,
        low,
        high,
        behind,
        p,
    )


def _behind(leader: Entry, other: Entry) -> PairedTest | None:
    """None where they weren't tested on the same utterances."""
    if leader.utterances_digest != other.utterances_digest:
        return None
    return paired_test(leader.predictions, other.predictions)


def _printed(task: str, protocol: str) -> list[Row]:
    """The paper's rows, which have no intervals."""
    if not PROTOCOLS[protocol].released_ids or task not in SERAB_TASKS:
        return []
    return [
        Row(
            None, row.model, "printed", task, protocol, row.accuracies[task] / 100, None, None, None
        )
        for row in table3()
    ]
