"""Voices: accuracy by speaker, sex and duration."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import pstdev

from serab.report.findings.cells import FEW, Shown, cell, find, name_of, remarks
from serab.report.findings.pictures import Dot, dots_picture
from serab.report.page import Table
from serab.report.pictures import picture_name
from serab.report.words import DASH, percent
from serab.results.findings import Finding, Measure

TITLE = "Voices"
WORDS = (
    "The strict result in folds of speakers, so that every speaker is tested once by a classifier "
    "that never heard them. Thirds by duration are of the corpus' own utterances. Gaps between the "
    "sexes draw women and men apart; the one between durations is paired by speaker."
)


def show(findings: Sequence[Finding]) -> Shown:
    """Of one corpus and encoder."""
    speakers = [f for f in findings if "speaker" in f.condition]
    speakers.sort(key=lambda f: f.value)
    rows, dots = [], []

    def add(label: str, finding: Finding | None, strong: bool = True) -> None:
        if finding is not None:
            rows.append((label, cell(finding), str(finding.speakers), str(finding.n_test)))
            if finding.measure == Measure.ACCURACY:
                dots.append(Dot(label, finding.value, finding.interval, strong))

    add("all", find(findings, of="all speakers"))
    for sex in ("female", "male"):
        add(sex, find(findings, sex=sex))
    add("female - male", find(findings, sex="female - male"))
    for duration in ("short", "middle", "long"):
        found = find(findings, duration=duration)
        if found is not None:
            seconds = f"{found.details['from']:.1f} to {found.details['to']:.1f} s"
            add(f"{duration}, {seconds}", found)
    add("long - short", find(findings, duration="long - short"))
    for found in speakers:
        about = [str(found.details[key]) for key in ("sex",) if found.details.get(key)]
        about += [f"{found.details['age']:g}"] if found.details.get("age") else []
        add(" ".join(["speaker", str(found.condition["speaker"]), *about]), found, strong=False)
    sentences = list(remarks(findings))
    if speakers:
        values = [f.value for f in speakers]
        worst = speakers[0].condition["speaker"]
        sentences.insert(
            0,
            f"Worst speaker {worst} {percent(min(values))} %, best {percent(max(values))} %, "
            f"standard deviation over {len(values)} speakers {percent(pstdev(values))}.",
        )
    confusions = [f for f in findings if f.measure == Measure.CONFUSION]
    for found in sorted(confusions, key=lambda f: -abs(f.value)):
        true, other = found.condition["true"], found.condition["predicted"]
        whom = "women" if found.value > 0 else "men"
        sentences.append(
            f"{true} is taken for {other} more often for {whom}: {cell(found)} points, women minus "
            f"men (one of {found.details['looked_at']} confusions looked at; a twentieth of them "
            "would stand out by chance)."
        )
    first = findings[0]
    picture = dots_picture(
        picture_name(*name_of(findings)),
        f"Accuracy of {first.extractor} on {first.task} by speaker, sex and duration",
        f"{first.extractor} on {first.task}: voices",
        dots,
        "test accuracy %",
    )
    header = ("group", "accuracy % or gap (95 % over speakers)", "speakers", "utterances")
    shown = tuple(rows) or ((DASH,) * 4,)
    return Shown(Table(header, shown, FEW), (picture,), tuple(sentences))
