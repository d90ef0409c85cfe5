"""The results of some runs as one CSV file: a row a classifier, task and split."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from serab.escaping import in_csv
from serab.report.runs import Run
from serab.report.words import parameters
from serab.results.records import ClassifierResult

_PLAIN = (
    "task",
    "protocol",
    "seed",
    "classifier",
    "selected",
    "best_on_test",
    "val_accuracy",
    "test_accuracy",
    "test_uar",
    "test_macro_f1",
)
_AFTER = (
    "n_train",
    "n_val",
    "n_test",
    "chance",
    "majority",
    "partial",
    "extractor_fingerprint",
    "corpus_digest",
    "scikit_learn",
)
_INTERVALS = ("over_utterances", "over_speakers")


def to_csv(runs: Sequence[Run]) -> str:
    """Fractions with all their digits; the ends of an interval in columns of their own."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    ends = [f"{name}_{end}" for name in _INTERVALS for end in ("low", "high")]
    writer.writerow(["run", *_PLAIN, *ends, *_AFTER, "parameters"])
    for run in runs:
        for row in run.results:
            cells = [run.label, *_values(row, _PLAIN)]
            for name in _INTERVALS:
                cells += getattr(row, name) or ["", ""]
            cells += [*_values(row, _AFTER), parameters(row.params) if row.params else ""]
            writer.writerow([in_csv(cell) for cell in cells])
    return file.getvalue()


def _values(row: ClassifierResult, names: Sequence[str]) -> list:
    return [getattr(row, name) for name in names]
