"""What must hold among a run's own rows: a sentence for whatever contradicts another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from serab.intervals import Interval, Over, score_interval
from serab.protocol import PROTOCOLS
from serab.results.records import (
    LAYER,
    TEST_SCORES,
    ClassifierResult,
    LayerScores,
    Predictions,
    RegressionResult,
    marked,
    speaker_accuracies,
)
from serab.results.run_files import LAYERS, PREDICTIONS
from serab.scores import accuracy, chance, macro_f1, uar

TOLERANCE = 1e-9
"""Other versions of numpy may round the last digit otherwise."""

SHARED = (
    "n_train",
    "n_val",
    "n_test",
    "speakers",
    "chance",
    "majority",
    "embed_dim",
    "corpus_digest",
    "scikit_learn",
    "partial",
    "demo",
    "leaks",
)
"""What the classifiers of one split have in common."""


def wrong_result(row: ClassifierResult, answers: Predictions | None) -> Iterator[str]:
    """A row beside its predictions."""
    name = named(row.slot)
    if row.protocol not in PROTOCOLS:
        yield f"{name}: no such protocol"
    yield from _no_share(name, "val_accuracy", row.val_accuracy, row.n_val)
    yield from _no_share(name, "majority", row.majority, row.n_test)
    if row.test_accuracy is None:
        kept = [score for score in TEST_SCORES if getattr(row, score) is not None]
        if kept:
            yield f"{name}: has {', '.join(kept)} and no test_accuracy"
        return
    if answers is None:
        yield f"{name}: its test scores have no predictions in {PREDICTIONS}"
        return
    computed: dict[str, Any] = {
        "test_accuracy": accuracy(answers.true, answers.predicted),
        "test_uar": uar(answers.true, answers.predicted),
        "test_macro_f1": macro_f1(answers.true, answers.predicted),
        "over_utterances": limits(_interval(answers, Over.UTTERANCES)),
        "over_speakers": limits(_interval(answers, Over.SPEAKERS)),
        "by_speaker": speaker_accuracies(answers) if row.folds else None,
        "n_test": len(answers.true),
        "speakers": sorted(set(answers.speakers)),
        "chance": chance(answers.emotions),
    }
    for field, value in computed.items():
        if not same(getattr(row, field), value):
            yield f"{name}: {field} is {shown(getattr(row, field))}; its predictions give " + (
                shown(value)
            )


def _interval(answers: Predictions, over: Over) -> Interval | None:
    return score_interval(answers.true, answers.predicted, answers.speakers, over)


def limits(interval: Interval | None) -> list[float] | None:
    """As a result keeps it."""
    return None if interval is None else [interval.low, interval.high]


def _no_share(name: str, field: str, fraction: float, n: int) -> Iterator[str]:
    if abs(fraction * n - round(fraction * n)) > 1e-6:
        yield f"{name}: {field} is {fraction}, which is no share of {n} utterances"


def wrong_marks(rows: Sequence[ClassifierResult]) -> Iterator[str]:
    """Which of a split's classifiers is selected, which is best, which may be tested."""
    protocol = PROTOCOLS[rows[0].protocol]
    for row, right in zip(rows, marked(rows, protocol.tests_all), strict=True):
        for field in ("selected", "best_on_test"):
            if bool(getattr(row, field)) is not bool(getattr(right, field)):
                has, should = ("marked", "not so") if getattr(row, field) else ("not marked", "so")
                yield f"{named(row.slot)}: is {has} {field}; by the scores it's {should}"
        tested, due = row.test_accuracy is not None, protocol.tests_all or bool(right.selected)
        if tested is not due:
            state = "is tested" if tested else "isn't tested"
            yield f"{named(row.slot)}: {state}, against the {protocol.name} protocol"


def wrong_split(rows: Sequence[ClassifierResult], answers: Sequence[Predictions]) -> Iterator[str]:
    """The classifiers of a split were fitted and tested on the same."""
    for field in SHARED:
        if len({repr(getattr(row, field)) for row in rows}) > 1:
            yield f"{named(rows[0].split)}: the classifiers differ in {field}"
    for field in ("emotions", "utterances", "speakers", "true"):
        if len({tuple(getattr(row, field)) for row in answers}) > 1:
            yield f"{named(rows[0].split)}: the predictions differ in {field}"
    for row in answers[:1]:
        if len(set(row.utterances)) != len(row.utterances):
            yield f"{named(row.split)}: an utterance is in the predictions twice"
        shares = {row.true.count(emotion) / len(row.true) for emotion in row.emotions}
        if not any(same(rows[0].majority, share) for share in shares):
            yield (
                f"{named(row.split)}: majority is {rows[0].majority}; no class has that share of "
                "the test utterances"
            )


def unfinished_folds(rows: Sequence[ClassifierResult]) -> Iterator[str]:
    """A cross-validation is one number when each of its folds is tested."""
    tested: dict[tuple[str, str, int], set[int]] = {}
    for row in rows:
        if row.folds is not None:
            seeds = tested.setdefault((row.task, row.protocol, row.folds), set())
            seeds |= {row.seed} if row.test_accuracy is not None else set()
    for (task, protocol, folds), seeds in tested.items():
        if len(seeds) < folds:
            yield f"{named((task, protocol))}: {len(seeds)} of {folds} folds are tested"


def wrong_regression(rows: Sequence[RegressionResult]) -> Iterator[str]:
    for split in dict.fromkeys(row.split for row in rows):
        part = [row for row in rows if row.split == split]
        best = max(part, key=lambda row: row.val_ccc)
        if [row.selected for row in part] != [row is best for row in part]:
            yield f"{named(split)}: {best.regressor} is best on validation; the mark is elsewhere"


def wrong_layers(
    layers: Sequence[LayerScores], rows: Sequence[ClassifierResult | RegressionResult]
) -> Iterator[str]:
    """A result has the first of the layers that are best on validation, and its score."""
    by_slot = {scores.slot: scores for scores in layers}
    for row in rows:
        scores = by_slot.pop(row.slot, None)
        layer = row.params.get(LAYER)
        if layer is None and scores is None:
            continue
        if scores is None:
            yield f"{named(row.slot)}: has the layer {layer} and no scores in {LAYERS}"
            continue
        value = row.val_accuracy if isinstance(row, ClassifierResult) else row.val_ccc
        if layer != scores.chosen or not same(value, max(scores.validation)):
            yield (
                f"{named(row.slot)}: has the layer {layer} with {value:.6g} on validation; by "
                f"{LAYERS} it is {scores.chosen} with {max(scores.validation):.6g}"
            )


def mixed(rows: Sequence[ClassifierResult | RegressionResult]) -> Iterator[str]:
    """A run directory is of one encoder, and a task of one division into folds."""
    for task in dict.fromkeys(row.task for row in rows):
        folds = {(row.protocol, row.folds) for row in rows if row.task == task}
        if len(folds) > len({protocol for protocol, _ in folds}):
            yield f"{task}: its results are of more than one division of the speakers into folds"
    for field in ("extractor", "extractor_fingerprint"):
        values = sorted({getattr(row, field) for row in rows})
        if len(values) > 1:
            yield f"the results are of more than one {field}: {', '.join(map(shown, values))}"


def same(given: Any, computed: Any) -> bool:
    """Equal, numbers up to the last digits."""
    if isinstance(given, Mapping) and isinstance(computed, Mapping):
        return given.keys() == computed.keys() and all(
            same(given[key], value) for key, value in computed.items()
        )
    if isinstance(given, list | tuple) and isinstance(computed, list | tuple):
        return len(given) == len(computed) and all(map(same, given, computed))
    numbers = all(type(value) in (int, float) for value in (given, computed))
    if numbers:
        return math.isclose(given, computed, rel_tol=0, abs_tol=TOLERANCE)
    return type(given) is type(computed) and given == computed


def named(slot: Sequence[Any]) -> str:
    return ", ".join(ascii(str(part))[1:-1] for part in slot)


def shown(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else ascii(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
