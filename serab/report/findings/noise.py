"""Noise: what each condition of the test part costs."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.findings.cells import FEW, Shown, cell, find, name_of, remarks
from serab.report.findings.pictures import Dot, dots_picture
from serab.report.page import Table
from serab.report.pictures import picture_name
from serab.report.words import percent
from serab.results.findings import Finding, Measure

TITLE = "Noise"
WORDS = (
    "The test part alone is changed; classifiers were fitted and chosen on clean utterances of "
    "other speakers. Differences are paired: the same utterances, the same classifiers. Babble is "
    "five training utterances at once; telephone is 300 to 3,400 Hz at 8 kHz; rooms are simulated "
    "by image sources; speed changes pitch with it."
)


def show(findings: Sequence[Finding]) -> Shown:
    """Of one corpus and encoder."""
    accuracies = [f for f in findings if f.measure == Measure.ACCURACY]
    pairs = [f for f in findings if f.measure == Measure.DIFFERENCE]
    rows, dots = [], []
    for finding in accuracies:
        lost = find(pairs, **finding.condition)
        label = f"{finding.condition['kind']} {finding.condition['strength']}".strip()
        rows.append((label, cell(finding, interval=lost is None), cell(lost)))
        if lost is not None:
            dots.append(Dot(label, lost.value, lost.interval))
    first, clean = findings[0], accuracies[0]
    picture = dots_picture(
        picture_name(*name_of(findings)),
        f"Accuracy that {first.extractor} loses on {first.task} under noise, codecs and rooms",
        f"{first.extractor} on {first.task}, clean {percent(clean.value)} %",
        dots,
        "accuracy minus that on clean utterances, points",
        zero=True,
    )
    header = ("test part", "accuracy %", "minus clean, points (95 % over speakers)")
    return Shown(Table(header, tuple(rows), FEW), (picture,), remarks(findings))
