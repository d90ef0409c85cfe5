"""A cross-validation as one result: every utterance's prediction by the fold that tested it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import mean

from serab.intervals import Interval, Over, score_interval
from serab.results.records import ClassifierResult, Predictions
from serab.scores import accuracy, macro_f1, uar


def join_folds(
    rows: Iterable[ClassifierResult], predictions: Sequence[Predictions]
) -> tuple[list[ClassifierResult], list[Predictions]]:
    """Rows and predictions of a run, those of each cross-validation as one of each.

    Its scores are those of all utterances together, its intervals over all of them and over all
    speakers; `by_speaker` has each speaker's accuracy. Rows of single splits stay as they are.
    """
    rows = list(rows)
    by_slot = {answers.slot: answers for answers in predictions}
    joined = [row for row in rows if row.folds is None]
    answered = [answers for answers in predictions if answers.folds is None]
    folded: dict[tuple[str, str], list[ClassifierResult]] = {}
    for row in rows:
        if row.folds is not None and row.slot in by_slot:
            folded.setdefault((row.task, row.protocol), []).append(row)
    for part in folded.values():
        row, answers = _joined(part, [by_slot[row.slot] for row in part])
        joined.append(row)
        answered.append(answers)
    return joined, answered


def _joined(
    rows: Sequence[ClassifierResult], parts: Sequence[Predictions]
) -> tuple[ClassifierResult, Predictions]:
    counts = Counter(row.classifier for row in rows)
    name = ", ".join(f"{classifier} {count}×" for classifier, count in counts.most_common())
    answers = replace(
        parts[0],
        seed=0,
        classifier=name,
        utterances=[u for part in parts for u in part.utterances],
        speakers=[s for part in parts for s in part.speakers],
        true=[t for part in parts for t in part.true],
        predicted=[p for part in parts for p in part.predicted],
    )
    true, predicted, speakers = answers.true, answers.predicted, answers.speakers
    people = {
        speaker: score
        for row in rows
        for speaker, score in zip(row.speakers, row.by_speaker or (), strict=True)
    }
    row = replace(
        rows[0],
        seed=0,
        classifier=name,
        params={},
        val_accuracy=mean(row.val_accuracy for row in rows),
        test_accuracy=accuracy(true, predicted),
        test_uar=uar(true, predicted),
        test_macro_f1=macro_f1(true, predicted),
        over_utterances=_limits(score_interval(true, predicted, speakers, Over.UTTERANCES)),
        over_speakers=_limits(score_interval(true, predicted, speakers, Over.SPEAKERS)),
        by_speaker=[people[speaker] for speaker in sorted(people)],
        speakers=sorted(people),
        n_test=len(true),
        majority=sum(row.majority * row.n_test for row in rows) / len(true),
        seconds=sum(row.seconds for row in rows),
        leaks=list(dict.fromkeys(line for row in rows for line in row.leaks)),
    )
    return row, answers


def _limits(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
