"""All that the analyses of some runs found: which analyses there are, and how each is shown."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from serab.report.findings import audit, cross, labels, noise, text, voices
from serab.report.findings.cells import Shown
from serab.report.page import Block, Bullets, Heading, Pictures, Text
from serab.report.runs import Run
from serab.results.findings import Finding

SHOWN: dict[str, ModuleType] = {
    "labels": labels,
    "text": text,
    "cross": cross,
    "noise": noise,
    "voices": voices,
    "audit": audit,
}
"""By analysis: TITLE, WORDS, and `show` of the findings of one corpus and encoder."""


def shown(findings: Sequence[Finding]) -> Shown:
    """Of one analysis, corpus and encoder."""
    return SHOWN[findings[0].analysis].show(findings)


def analyses(runs: Sequence[Run]) -> list[Block]:
    """Analysis by analysis, corpus by corpus, each run's picture and table."""
    blocks: list[Block] = []
    for analysis, room in SHOWN.items():
        own = [[f for f in run.findings if f.analysis == analysis] for run in runs]
        if not any(own):
            continue
        blocks += [Heading(f"Analysis: {room.TITLE}"), Text(room.WORDS)]
        for group in dict.fromkeys(_group(f) for findings in own for f in findings):
            if group:
                blocks.append(Heading(f"{group}: {room.TITLE.lower()}", 3))
            for run, findings in zip(runs, own, strict=True):
                if members := [f for f in findings if _group(f) == group]:
                    found = shown(members)
                    blocks += [Text(f"**{run.label}**"), Pictures(found.pictures), found.table]
                    blocks += [Bullets(found.remarks)] if found.remarks else []
    return blocks


def _group(finding: Finding) -> str:
    """The corpus; nothing for an analysis of all together."""
    return "" if SHOWN[finding.analysis] is cross else finding.task
