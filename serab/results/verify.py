"""Scores, intervals, marks and means of a run directory, computed again from its predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from serab.protocol import PROTOCOLS
from serab.results.checksums import CHANGED, read_checked
from serab.results.contradictions import (
    mixed,
    named,
    same,
    shown,
    unfinished_folds,
    wrong_layers,
    wrong_marks,
    wrong_regression,
    wrong_result,
    wrong_split,
)
from serab.results.findings import ANALYSES, Finding
from serab.results.kept import CALIBRATION, all_kept, calibrations, of_protocol
from serab.results.records import (
    ClassifierResult,
    LayerScores,
    Predictions,
    RegressionResult,
)
from serab.results.run_files import LAYERS, PREDICTIONS, REGRESSION, RESULTS, read_rows
from serab.results.summary import SUMMARY, read_summary, summarise_all

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
            unchecked.append(f"{named(split)}: isn't finished")
        elif split[1] in PROTOCOLS:
            wrong += wrong_marks(rows)
        wrong += wrong_split(rows, [by_slot[row.slot] for row in rows if row.slot in by_slot])
    unchecked += unfinished_folds(results)
    for row in results:
        wrong += wrong_result(row, by_slot.get(row.slot))
    finished = {row.split for row in results if row.selected or row.best_on_test}
    tested = {row.slot for row in results if row.test_accuracy is not None}
    for answers in predictions:
        if answers.slot not in tested and answers.split in finished:
            wrong.append(f"{named(answers.slot)}: has predictions and no test scores")
    wrong += wrong_regression(regression)
    wrong += wrong_layers(layers, (*results, *regression))
    if any(row.test_ccc is not None for row in regression):
        unchecked.append(f"{REGRESSION}: its scores, since no predictions are kept of regressors")
    if findings:
        unchecked.append(f"{ANALYSES}: what analyses found, since no predictions are kept of them")
    wrong += mixed((*results, *regression))
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
            yield f"{SUMMARY}: {key} is {shown(given)}; the results give {shown(right)}"
