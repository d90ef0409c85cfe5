"""Scores, intervals, marks and means of a run directory, computed again from its predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from serab.intervals import Interval, Over, score_interval
from serab.protocol import PROTOCOLS
from serab.results.checksums import CHANGED, read_checked
from serab.results.findings import ANALYSES, Finding
from serab.results.kept import CALIBRATION, all_kept, calibrations, of_protocol
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
from serab.results.run_files import LAYERS, PREDICTIONS, REGRESSION, RESULTS, read_rows
from serab.results.summary import SUMMARY, read_summary, summarise_all
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

Record = TypeVar("Record", ClassifierResult, Predictions, RegressionResult, LayerScores, Finding)


@dataclass(frozen=True)
class Verification:
    """What was found in a run directory.

    Attributes:
        tested: how many test accuracies were computed again, each with what belongs to it.
        wrong: a sentence for whatever doesn't hold.
        unchecked: a sentence for whatever can't be computed again.
        layers: the layers' validation scores, where there are several.
    """

    run_dir: Path
    results: tuple[ClassifierResult, ...]
    predictions: tuple[Predictions, ...]
    regression: tuple[RegressionResult, ...]
    findings: tuple[Finding, ...]
    tested: int
    wrong: tuple[str, ...]
    unchecked: tuple[str, ...]
    layers: tuple[LayerScores, ...] = ()


def verify_run(run_dir: Path) -> Verification:
    """Compute again what the predictions of a run directory determine, and compare.

    Raises:
        ValueError: a file that can't be read as what it should be; names it and the line.
    """
    wrong: list[str] = []

    def read(name: str, kind: type[Record]) -> tuple[Record, ...]:
        rows, unchanged = read_rows(run_dir / name, kind)
        if not unchanged:
            wrong.append(f"{name} {CHANGED}")
        return tuple(rows)

    results = read(RESULTS, ClassifierResult)
    predictions = read(PREDICTIONS, Predictions)
    regression = read(REGRESSION, RegressionResult)
    layers = read(LAYERS, LayerScores)
    findings = read(ANALYSES, Finding)
    unchecked: list[str] = []
    by_slot = {row.slot: row for row in predictions}
    for split in dict.fromkeys(row.split for row in results):
        rows = [row for row in results if row.split == split]
        if not any(row.selected or row.best_on_test for row in rows):
            unchecked.append(f"{_named(split)}: isn't finished")
        elif split[1] in PROTOCOLS:
            wrong += _wrong_marks(rows)
        wrong += _wrong_split(rows, [by_slot[row.slot] for row in rows if row.slot in by_slot])
    unchecked += _unfinished_folds(results)
    for row in results:
        wrong += _wrong_result(row, by_slot.get(row.slot))
    finished = {row.split for row in results if row.selected or row.best_on_test}
    tested = {row.slot for row in results if row.test_accuracy is not None}
    for answers in predictions:
        if answers.slot not in tested and answers.split in finished:
            wrong.append(f"{_named(answers.slot)}: has predictions and no test scores")
    wrong += _wrong_regression(regression)
    wrong += _wrong_layers(layers, (*results, *regression))
    if any(row.test_ccc is not None for row in regression):
        unchecked.append(f"{REGRESSION}: its scores, since no predictions are kept of regressors")
    if findings:
        unchecked.append(f"{ANALYSES}: what analyses found, since no predictions are kept of them")
    wrong += _mixed((*results, *regression))
    wrong += _wrong_summary(run_dir, results, regression, unchecked)
    count = len(tested & by_slot.keys())
    found = tuple(dict.fromkeys(wrong))
    return Verification(
        run_dir,
        results,
        predictions,
        regression,
        findings,
        count,
        found,
        tuple(unchecked),
        layers,
    )


def _wrong_result(row: ClassifierResult, answers: Predictions | None) -> Iterator[str]:
    """A row beside its predictions."""
    name = _named(row.slot)
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
            yield f"{name}: {field} is {_text(getattr(row, field))}; its predictions give " + (
                _text(value)
            )


def _interval(answers: Predictions, over: Over) -> Interval | None:
    return score_interval(answers.true, answers.predicted, answers.speakers, over)


def limits(interval: Interval | None) -> list[float] | None:
    """As a result keeps it."""
    return None if interval is None else [interval.low, interval.high]


def _no_share(name: str, field: str, fraction: float, n: int) -> Iterator[str]:
    if abs(fraction * n - round(fraction * n)) > 1e-6:
        yield f"{name}: {field} is {fraction}, which is no share of {n} utterances"


def _wrong_marks(rows: Sequence[ClassifierResult]) -> Iterator[str]:
    """Which of a split's classifiers is selected, which is best, which may be tested."""
    protocol = PROTOCOLS[rows[0].protocol]
    for row, right in zip(rows, marked(rows, protocol.tests_all), strict=True):
        for field in ("selected", "best_on_test"):
            if bool(getattr(row, field)) is not bool(getattr(right, field)):
                has, should = ("marked", "not so") if getattr(row, field) else ("not marked", "so")
                yield f"{_named(row.slot)}: is {has} {field}; by the scores it's {should}"
        tested, due = row.test_accuracy is not None, protocol.tests_all or bool(right.selected)
        if tested is not due:
            state = "is tested" if tested else "isn't tested"
            yield f"{_named(row.slot)}: {state}, against the {protocol.name} protocol"


def _wrong_split(rows: Sequence[ClassifierResult], answers: Sequence[Predictions]) -> Iterator[str]:
    """The classifiers of a split were fitted and tested on the same."""
    for field in SHARED:
        if len({repr(getattr(row, field)) for row in rows}) > 1:
            yield f"{_named(rows[0].split)}: the classifiers differ in {field}"
    for field in ("emotions", "utterances", "speakers", "true"):
        if len({tuple(getattr(row, field)) for row in answers}) > 1:
            yield f"{_named(rows[0].split)}: the predictions differ in {field}"
    for row in answers[:1]:
        if len(set(row.utterances)) != len(row.utterances):
            yield f"{_named(row.split)}: an utterance is in the predictions twice"
        shares = {row.true.count(emotion) / len(row.true) for emotion in row.emotions}
        if not any(same(rows[0].majority, share) for share in shares):
            yield (
                f"{_named(row.split)}: majority is {rows[0].majority}; no class has that share of "
                "the test utterances"
            )


def _unfinished_folds(rows: Sequence[ClassifierResult]) -> Iterator[str]:
    """A cross-validation is one number when each of its folds is tested."""
    tested: dict[tuple[str, str, int], set[int]] = {}
    for row in rows:
        if row.folds is not None:
            seeds = tested.setdefault((row.task, row.protocol, row.folds), set())
            seeds |= {row.seed} if row.test_accuracy is not None else set()
    for (task, protocol, folds), seeds in tested.items():
        if len(seeds) < folds:
            yield f"{_named((task, protocol))}: {len(seeds)} of {folds} folds are tested"


def _wrong_regression(rows: Sequence[RegressionResult]) -> Iterator[str]:
    for split in dict.fromkeys(row.split for row in rows):
        part = [row for row in rows if row.split == split]
        best = max(part, key=lambda row: row.val_ccc)
        if [row.selected for row in part] != [row is best for row in part]:
            yield f"{_named(split)}: {best.regressor} is best on validation; the mark is elsewhere"


def _wrong_layers(
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
            yield f"{_named(row.slot)}: has the layer {layer} and no scores in {LAYERS}"
            continue
        value = row.val_accuracy if isinstance(row, ClassifierResult) else row.val_ccc
        if layer != scores.chosen or not same(value, max(scores.validation)):
            yield (
                f"{_named(row.slot)}: has the layer {layer} with {value:.6g} on validation; by "
                f"{LAYERS} it is {scores.chosen} with {max(scores.validation):.6g}"
            )


def _mixed(rows: Sequence[ClassifierResult | RegressionResult]) -> Iterator[str]:
    """A run directory is of one encoder, and a task of one division into folds."""
    for task in dict.fromkeys(row.task for row in rows):
        folds = {(row.protocol, row.folds) for row in rows if row.task == task}
        if len(folds) > len({protocol for protocol, _ in folds}):
            yield f"{task}: its results are of more than one division of the speakers into folds"
    for field in ("extractor", "extractor_fingerprint"):
        values = sorted({getattr(row, field) for row in rows})
        if len(values) > 1:
            yield f"the results are of more than one {field}: {', '.join(map(_text, values))}"


def _wrong_summary(
    run_dir: Path,
    results: Sequence[ClassifierResult],
    regression: Sequence[RegressionResult],
    unchecked: list[str],
) -> Iterator[str]:
    names = {row.protocol for row in (*results, *regression)} & PROTOCOLS.keys()
    summary = read_summary(run_dir)
    if summary is None:
        unchecked.append(f"{SUMMARY}: there is none, so the evaluation isn't finished")
    if summary is None or not names:
        return
    if not read_checked(run_dir / SUMMARY)[1]:
        yield f"{SUMMARY} {CHANGED}"
    try:
        computed = summarise_all(results, [p for p in PROTOCOLS.values() if p.name in names])
    except AssertionError as error:  # a mark without a test score, which is said above
        yield f"{SUMMARY}: can't be computed from the results ({error})"
        return
    for protocol in (PROTOCOLS[name] for name in names):
        with suppress(KeyError, TypeError):  # a summary of other protocols, which is said below
            if CALIBRATION in of_protocol(summary, protocol):
                found = calibrations(all_kept(run_dir), protocol.name)
                of_protocol(computed, protocol)[CALIBRATION] = found
    versions = summary.get("versions", {})
    known = {row.scikit_learn for row in (*results, *regression)}
    if versions.get("scikit-learn") not in known:
        yield f"{SUMMARY}: scikit-learn is {versions.get('scikit-learn')}; the results say " + (
            " and ".join(sorted(known))
        )
    for key in dict.fromkeys([*computed, *summary]):
        if key != "versions" and not same(summary.get(key), computed.get(key)):
            given, right = summary.get(key), computed.get(key)
            yield f"{SUMMARY}: {key} is {_text(given)}; the results give {_text(right)}"


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


def _named(slot: Sequence[Any]) -> str:
    return ", ".join(ascii(str(part))[1:-1] for part in slot)


def _text(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else ascii(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
