"""A finding in the cell of a table, and what the tables of all analyses share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from serab.report.page import Picture, Table
from serab.report.words import DASH, FEW_SPEAKERS, percent, percent_range, points, points_range
from serab.results.findings import Finding, Measure

FEW = f"†: fewer than {FEW_SPEAKERS} speakers, so the interval is but the range between them."


@dataclass(frozen=True)
class Shown:
    """What a report and the screen show of one analysis of one corpus and encoder."""

    table: Table
    pictures: tuple[Picture, ...] = ()
    remarks: tuple[str, ...] = ()


def cell(finding: Finding | None, interval: bool = True) -> str:
    """Percent, or points with their sign, and the interval over speakers."""
    if finding is None:
        return DASH
    is_share = finding.measure == Measure.ACCURACY
    number = percent(finding.value) if is_share else points(finding.value)
    if not interval or finding.interval is None:
        return number
    limits = (percent_range if is_share else points_range)(finding.interval)
    mark = " †" if finding.speakers < FEW_SPEAKERS else ""
    return f"{number} ({limits}){mark}"


def find(findings: Iterable[Finding], **condition: Any) -> Finding | None:
    """The one whose condition has all of these."""
    for finding in findings:
        if all(finding.condition.get(key) == value for key, value in condition.items()):
            return finding
    return None


def remarks(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Sentences about what was left out or short, each once."""
    return tuple(dict.fromkeys(note for finding in findings for note in finding.notes))


def name_of(findings: Sequence[Finding]) -> tuple[str, str, str]:
    """For the names of pictures: analysis, corpus, encoder and which of that name."""
    first = findings[0]
    return (first.analysis, first.task, f"{first.extractor}-{first.extractor_fingerprint[:6]}")
