"""Across corpora: a matrix of who was trained on what."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.findings.cells import FEW, Shown, cell, find, name_of, remarks
from serab.report.findings.pictures import matrix_picture
from serab.report.page import Table
from serab.report.pictures import picture_name
from serab.report.words import percent
from serab.results.findings import Finding

TITLE = "Across corpora"
WORDS = (
    "Trained on one corpus (its training and validation speakers) or on all others together, and "
    "tested on all utterances of a corpus that was never heard, over the emotions that they share: "
    "those to which the corpora's records map their labels. Within a corpus the strict result in "
    "folds of speakers stands beside, over all of its emotions. Embeddings are standardised by "
    "training utterances; standardised per corpus, the tested one's mean and deviation are used "
    "too, which is transductive: a single new utterance could not be scored."
)


def show(findings: Sequence[Finding]) -> Shown:
    """Of one encoder and all corpora."""
    tested = list(dict.fromkeys(f.task for f in findings))
    trained = [str(f.condition["trained_on"]) for f in findings]
    trained = sorted(dict.fromkeys(trained), key=lambda name: (name.count("+"), name))
    ways = list(dict.fromkeys(str(f.condition["normalised"]) for f in findings))
    rows, pictures = [], []
    first = findings[0]
    for number, way in enumerate(ways):
        values = []
        for name in trained:
            found = [
                find((f for f in findings if f.task == code), trained_on=name, normalised=way)
                for code in tested
            ]
            if not any(found):
                continue
            for code, f in zip(tested, found, strict=True):
                if f is not None:
                    chance = percent(float(f.details["chance"] or 0))
                    rows.append((f"{name} for {code}", way, cell(f), str(f.speakers),
                                 str(f.details["emotions"]), chance))  # fmt: skip
            values.append((name, [None if f is None else f.value for f in found]))
        pictures.append(
            matrix_picture(
                picture_name(*name_of(findings)[::2], str(number)),
                f"Accuracy of {first.extractor} across corpora, standardised by {way}",
                f"{first.extractor}: accuracy %\nstandardised by {way}"
                if number == 0
                else f"{first.extractor}: accuracy %\nstandardised {way}",
                [row for _, row in values],
                [name for name, _ in values],
                tested,
                ("tested on", "trained on"),
            )
        )
    header = ("trained for tested", "standardised by", "accuracy % (95 % over speakers)",
              "speakers", "emotions", "chance %")  # fmt: skip
    return Shown(Table(header, tuple(rows), FEW), tuple(pictures), remarks(findings))
