"""Few labels: a curve and a table over the utterances a class."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.findings.cells import FEW, Shown, cell, find, name_of, remarks
from serab.report.findings.pictures import Curve, curves_picture
from serab.report.page import Table
from serab.report.pictures import picture_name
from serab.report.words import DASH
from serab.results.findings import Finding, Measure

TITLE = "Few labels"
WORDS = (
    "Accuracy when a classifier is given so many utterances a class of the training speakers, and "
    "as many of the validation speakers to choose its parameters with; the mean of ten draws, each "
    "tested on all utterances of its fold's test speakers. Drawn by clip the few utterances are of "
    "many voices, drawn by speaker of as few as possible: the difference is what other voices are "
    "worth beyond other clips. Selected is the best of the five on validation; kNN and a logistic "
    "regression with C = 1 (probe) stand beside them."
)
_NAMES = {"selected": "selected"}


def show(findings: Sequence[Finding]) -> Shown:
    """Of one corpus and encoder."""
    accuracies = [f for f in findings if f.measure == Measure.ACCURACY]
    sizes = list(dict.fromkeys(f.condition["per_class"] for f in accuracies))
    sizes.sort(key=lambda size: (isinstance(size, str), size if isinstance(size, int) else 0))
    draws = list(dict.fromkeys(f.condition["drawn_by"] for f in accuracies))
    names = list(dict.fromkeys(f.condition["classifier"] for f in accuracies))
    names.sort(key=lambda name: name != "selected")
    rows, curves = [], []
    for name in names:
        for by in draws:
            found = [
                find(accuracies, classifier=name, drawn_by=by, per_class=size) for size in sizes
            ]
            strong = name == "selected"
            label = f"{_NAMES.get(str(name), str(name))}, by {by}"
            rows.append((label, *(cell(f, interval=strong) for f in found)))
            if strong or by == "clip":
                values = [None if f is None else f.value for f in found]
                intervals = [None if f is None else f.interval for f in found]
                curves.append(Curve(label, values, intervals, strong))
    pairs = [f for f in findings if f.measure == Measure.DIFFERENCE]
    rows.append(("**clip - speaker**", *(cell(find(pairs, per_class=size)) for size in sizes)))
    for by in draws:
        found = [find(accuracies, classifier="selected", drawn_by=by, per_class=s) for s in sizes]
        shown = (DASH if f is None else f"{f.details['voices']:.1f}" for f in found)
        rows.append((f"training voices, by {by}", *shown))
    found = [find(accuracies, classifier="selected", per_class=size) for size in sizes]
    labels = (DASH if f is None else f"{f.details['labels']:.0f}" for f in found)
    rows.append(("labels, validation's too", *labels))
    first = findings[0]
    picture = curves_picture(
        picture_name(*name_of(findings)),
        f"Accuracy of {first.extractor} on {first.task} over labelled utterances a class",
        f"{first.extractor} on {first.task}: few labels",
        curves,
        [str(size) for size in sizes],
        ("training utterances a class", "test accuracy %"),
    )
    header = ("accuracy %, utterances a class", *(str(size) for size in sizes))
    return Shown(
        Table(header, tuple(rows), f"{FEW} {DASH}: can't be fitted to so few."),
        (picture,),
        remarks(findings),
    )
