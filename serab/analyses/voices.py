"""Voices: accuracy by speaker, sex and duration, and what is confused for one group alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from serab.analyses.folds import SpeakerFolds
from serab.analyses.pooling import Answers, Score, gap, limits, score
from serab.index import Utterance
from serab.intervals import Tally, accuracies, drawn
from serab.results.findings import Finding, Measure, Value

log = logging.getLogger("evaluate")

DURATIONS = ("short", "middle", "long")
"""Thirds of the corpus' utterances by duration."""


def measure(folds: SpeakerFolds) -> list[Finding]:
    """The strict result of every fold, speaker by speaker and group by group."""
    predicted: dict[str, str] = {}
    for fold, choice in enumerate(folds.choices):
        asked = folds.utterances(fold)[folds.task(fold).n_fit :]
        predicted |= dict(zip((u.id for u in asked), choice.predicted.tolist(), strict=True))
    utterances = [u for u in folds.index.utterances if u.id in predicted]
    overall = score(_answers(utterances, predicted))
    findings = [folds.finding("voices", {"of": "all speakers"}, overall)]
    findings += _speakers(folds, utterances, predicted)
    findings += _durations(folds, utterances, predicted)
    return findings + _sexes(folds, utterances, predicted)


def _speakers(
    folds: SpeakerFolds, utterances: Sequence[Utterance], predicted: dict[str, str]
) -> list[Finding]:
    findings = []
    for speaker in sorted({u.speaker for u in utterances}):
        members = [u for u in utterances if u.speaker == speaker]
        details: dict[str, Value] = {"sex": members[0].sex, "age": members[0].age}
        answers = score(_answers(members, predicted))
        condition = {"speaker": speaker}
        findings.append(folds.finding("voices", condition, answers, details=details))
    return findings


def _durations(
    folds: SpeakerFolds, utterances: Sequence[Utterance], predicted: dict[str, str]
) -> list[Finding]:
    """Thirds by duration, and the longest third minus the shortest, paired by speaker."""
    ordered = sorted(utterances, key=lambda u: (u.seconds, u.id))
    thirds = dict(zip(DURATIONS, np.array_split(np.arange(len(ordered)), 3), strict=True))
    groups = {name: [ordered[i] for i in rows] for name, rows in thirds.items() if len(rows)}
    findings = []
    for name, members in groups.items():
        details: dict[str, Value] = {"from": members[0].seconds, "to": members[-1].seconds}
        answers = score(_answers(members, predicted))
        findings.append(folds.finding("voices", {"duration": name}, answers, details=details))
    if len(groups) == 3:
        pair = (groups["long"], groups["short"])
        names = sorted({u.speaker for members in pair for u in members})
        tallies = [_answers(m, predicted).tally([u.id for u in m], names) for m in pair]
        value = float(np.subtract(*(t.hits.sum() / t.totals.sum() for t in tallies)))
        interval = _paired_limits(tallies[0], tallies[1]) if len(names) > 1 else None
        found = Score(value, interval, len(names), sum(map(len, pair)))
        findings.append(
            folds.finding("voices", {"duration": "long - short"}, found, Measure.DIFFERENCE)
        )
    return findings


def _sexes(
    folds: SpeakerFolds, utterances: Sequence[Utterance], predicted: dict[str, str]
) -> list[Finding]:
    """Women, men, women minus men, and the confusions that only one of them suffers from."""
    code = folds.index.code
    groups: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        if utterance.sex is not None:
            groups.setdefault(utterance.sex, []).append(utterance)
    counts = {sex: len({u.speaker for u in members}) for sex, members in sorted(groups.items())}
    if not groups:
        log.warning("%s: the corpus doesn't say who is a woman and who a man; no gap.", code)
        return []
    findings = [
        folds.finding("voices", {"sex": sex}, score(_answers(groups[sex], predicted)))
        for sex in counts
    ]
    if len(counts) < 2:
        log.warning("%s: all %d speakers are %s; no gap.", code, *counts.values(), *counts)
        return findings
    notes = []
    if min(counts.values()) < 2:
        lone = min(counts, key=lambda sex: counts[sex])
        notes = [
            f"{code}: one speaker is {lone}, so the gap between the sexes has no interval, and "
            "confusions aren't compared: another one may do otherwise."
        ]
        log.warning("%s", notes[0])
    women, men = groups["female"], groups["male"]
    found = gap((_tally(women, predicted), _tally(men, predicted)), len(women) + len(men))
    findings.append(
        folds.finding("voices", {"sex": "female - male"}, found, Measure.DIFFERENCE, notes=notes)
    )
    return findings if notes else findings + _confusions(folds, women, men, predicted)


def _confusions(
    folds: SpeakerFolds,
    women: Sequence[Utterance],
    men: Sequence[Utterance],
    predicted: dict[str, str],
) -> list[Finding]:
    """Of each emotion and each it is taken for: the share for women minus the share for men.

    Those whose interval holds zero are left out; the number of all that were looked at, of which a
    twentieth would be left in by chance alone, is in the details.
    """
    findings, looked_at = [], 0
    for true in folds.index.emotions:
        groups = [[u for u in members if u.emotion == true] for members in (women, men)]
        if any(len({u.speaker for u in members}) < 2 for members in groups):
            continue
        for other in folds.index.emotions:
            if other == true:
                continue
            looked_at += 1
            tallies = tuple(_tally(members, predicted, other) for members in groups)
            found = gap((tallies[0], tallies[1]), sum(map(len, groups)))
            if found.interval is not None and not found.interval[0] <= 0 <= found.interval[1]:
                findings.append((true, other, found))
    return [
        folds.finding(
            "voices",
            {"true": true, "predicted": other},
            found,
            Measure.CONFUSION,
            details={"looked_at": looked_at},
        )
        for true, other, found in findings
    ]


def _answers(utterances: Sequence[Utterance], predicted: dict[str, str]) -> Answers:
    answers = Answers()
    answers.add(
        [u.id for u in utterances],
        [u.speaker for u in utterances],
        [predicted[u.id] == u.emotion for u in utterances],
    )
    return answers


def _tally(
    utterances: Sequence[Utterance], predicted: dict[str, str], answer: str | None = None
) -> Tally:
    """By speaker, how often the answer is right, or is `answer`."""
    answers = Answers()
    for u in utterances:
        answers.add([u.id], [u.speaker], [predicted[u.id] == (answer or u.emotion)])
    return answers.tally(answers.ids, sorted({u.speaker for u in utterances}))


def _paired_limits(first: Tally, second: Tally) -> tuple[float, float]:
    """Of the difference, over speakers of whom some may have no utterance in one of the groups."""
    weights = drawn(len(first.hits))
    usable = (weights @ first.totals > 0) & (weights @ second.totals > 0)
    return limits(accuracies(first, weights[usable]) - accuracies(second, weights[usable]))
