"""The price of what split lists share between their parts."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.findings.cells import FEW, Shown, cell, find, name_of, remarks
from serab.report.findings.pictures import Dot, dots_picture
from serab.report.page import Table
from serab.report.pictures import picture_name
from serab.results.findings import Finding, Measure

TITLE = "Price of leaks"
WORDS = (
    "Accuracy under published split lists, under random divisions of the same sizes, and under "
    "the strict protocol in folds of speakers; one rule chooses the classifier everywhere. "
    "Differences are over the utterances that both tested, paired by speaker."
)
_NAMES = {
    "lists": "the published lists",
    "random clips": "random clips, same sizes",
    "strict": "strict: new speakers",
    "lists - strict": "lists minus strict",
    "random clips - strict": "random clips minus strict",
}


def show(findings: Sequence[Finding]) -> Shown:
    """Of one corpus and encoder."""
    found = {key: find(findings, split=key) for key in _NAMES}
    rows = tuple(
        (_NAMES[key], cell(f), str(f.speakers), str(f.n_test)) for key, f in found.items() if f
    )
    first = findings[0]
    dots = [
        Dot(_NAMES[key], f.value, f.interval)
        for key, f in found.items()
        if f and f.measure == Measure.ACCURACY
    ]
    picture = dots_picture(
        picture_name(*name_of(findings)),
        f"Accuracy of {first.extractor} on {first.task} by how it is split",
        f"{first.extractor} on {first.task}",
        dots,
        "test accuracy %",
    )
    header = ("split", "accuracy % or points (95 % over speakers)", "speakers", "utterances")
    return Shown(Table(header, rows, FEW), (picture,), remarks(findings))
