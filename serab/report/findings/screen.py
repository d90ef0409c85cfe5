"""An analysis' table on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from serab.report.findings.blocks import SHOWN, shown
from serab.report.page import Table, inline
from serab.report.screen import print_line, print_rows, standard_output
from serab.results.findings import Finding


def print_findings(findings: Sequence[Finding], console: Console | None = None) -> None:
    """What one analysis found of one corpus and encoder; nothing for none."""
    if not findings:
        return
    first, found = findings[0], shown(findings)
    tasks = ", ".join(dict.fromkeys(f.task for f in findings))
    title = f"{tasks}, {SHOWN[first.analysis].TITLE.lower()}, strict: {first.extractor}"
    print_table(title, found.table, found.remarks, console)


def print_table(
    title: str, table: Table, remarks: Sequence[str] = (), console: Console | None = None
) -> None:
    """A table of the report, and sentences below it."""
    console = console or standard_output()
    print_rows(console, title, _plain(table.header), [_plain(row) for row in table.rows])
    for sentence in (*((table.caption,) if table.caption else ()), *remarks):
        print_line(console, sentence)
    console.print()


def _plain(cells: Sequence[str]) -> list[str]:
    return ["".join(text for _, text in inline(cell)) for cell in cells]
