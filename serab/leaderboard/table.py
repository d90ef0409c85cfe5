"""The leaderboard's rows in a Markdown file, between two comments."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from datamodules.files import write_whole
from serab.escaping import in_markdown
from serab.leaderboard.entry import Entry
from serab.protocol import PROTOCOLS
from serab.report.words import DASH, percent

BEGIN, END = "<!-- leaderboard -->", "<!-- end of the leaderboard -->"


def table(entries: Iterable[Entry], tasks: Iterable[str]) -> str:
    """Systems down, tasks and protocols across; accuracy in percent, sorted by the first column."""
    by_slot = {(e.system.name, e.task, e.division): e for e in entries}
    names = dict.fromkeys(name for name, _, _ in by_slot)
    columns = [
        (task, division)
        for task in tasks
        for protocol in reversed(PROTOCOLS)
        for division in sorted({e.division for e in by_slot.values() if e.protocol == protocol})
        if any((name, task, division) in by_slot for name in names)
    ]

    def accuracy(name: str, column: tuple[str, str]) -> float:
        entry = by_slot.get((name, *column))
        return entry.mean if entry else -1.0

    def text(name: str, column: tuple[str, str]) -> str:
        entry = by_slot.get((name, *column))
        if entry is None:
            return DASH
        if entry.deviation is not None:
            return f"{percent(entry.mean)} ± {percent(entry.deviation)}"
        return f"{percent(entry.mean)} ({entry.first.classifier})"

    ranked = sorted(names, key=lambda name: [-accuracy(name, column) for column in columns])
    lines = [
        "| system | " + " | ".join(f"{task} {division}" for task, division in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name in ranked:
        cells = " | ".join(text(name, column) for column in columns)
        lines.append(f"| {in_markdown(name)} | {cells} |")
    return "\n".join(lines)


def write_table(path: Path, text: str) -> None:
    """Put a table between the two comments of a Markdown file.

    Raises:
        ValueError: a file without them.
    """
    content = path.read_text(encoding="utf-8")
    before, begin, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: has no `{BEGIN}` and `{END}`; add the two lines for the table.")
    write_whole(path, f"{before}{BEGIN}\n{text}\n{END}{after}")
