"""Sentences: speakers and sentences apart, beside speakers only."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.findings.cells import FEW, Shown, cell, find, name_of, remarks
from serab.report.findings.pictures import Dot, dots_picture
from serab.report.page import Table
from serab.report.pictures import picture_name
from serab.results.findings import Finding, Measure

TITLE = "Sentences"
WORDS = (
    "All test speakers are new; what differs is whether their sentences are. Each utterance is "
    "tested by classifiers that were trained on other sentences, on as many utterances of each "
    "class whatever their sentences, and on all (the strict protocol). The second minus the first "
    "is what it is worth to have heard the sentences."
)
_NAMES = {
    "other": "speakers and sentences apart",
    "any": "speakers apart, as many utterances",
    "all": "speakers apart, all utterances (strict)",
    "any - other": "worth of known sentences",
    "all - other": "worth of known sentences and more utterances",
}


def show(findings: Sequence[Finding]) -> Shown:
    """Of one corpus and encoder."""
    found = {key: find(findings, trained_on=key) for key in _NAMES}
    rows = tuple(
        (_NAMES[key], cell(f), str(f.speakers), str(f.n_test)) for key, f in found.items() if f
    )
    first = findings[0]
    picture = dots_picture(
        picture_name(*name_of(findings)),
        f"Accuracy of {first.extractor} on {first.task} with sentences apart or not",
        f"{first.extractor} on {first.task}: {first.details['sentences']} sentences",
        [
            Dot(_NAMES[key], f.value, f.interval)
            for key, f in found.items()
            if f and f.measure == Measure.ACCURACY
        ],
        "test accuracy %",
    )
    header = ("training", "accuracy % or points (95 % over speakers)", "speakers", "utterances")
    return Shown(Table(header, rows, FEW), (picture,), remarks(findings))
