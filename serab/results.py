"""Results of a run as frozen records, and the files that they live in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from serab.scores import SERAB_TASKS, Means, means
from serab.writing import write_whole

RESULTS, PREDICTIONS, SUMMARY = "results.jsonl", "predictions.jsonl", "summary.json"


@dataclass(frozen=True)
class ClassifierResult:
    """One classifier on one task; accuracies are fractions, not rounded.

    `selected` marks the task's classifier that is best on validation, `best_on_test` the one that
    is best on the test part, which is what the paper's table reports.
    """

    task: str
    extractor: str
    protocol: str
    classifier: str
    params: dict[str, Any]
    val_accuracy: float
    test_accuracy: float
    test_uar: float
    test_macro_f1: float
    n_train: int
    n_val: int
    n_test: int
    embed_dim: int
    chance: float
    majority: float
    seed: int
    seconds: float
    corpus_digest: str
    extractor_fingerprint: str
    partial: bool
    demo: bool
    leaks: list[str]
    selected: bool = False
    best_on_test: bool = False

    @property
    def key(self) -> tuple:
        """What a result depends on: with an equal key it needn't be computed again."""
        return (
            *(self.task, self.protocol, self.seed, self.classifier),
            *(self.corpus_digest, self.extractor_fingerprint),
        )


@dataclass(frozen=True)
class Predictions:
    """What a classifier said of each test utterance, for confusions and paired tests."""

    task: str
    protocol: str
    seed: int
    classifier: str
    emotions: list[str]
    utterances: list[str]
    speakers: list[str]
    true: list[str]
    predicted: list[str]


class RunFiles:
    """The result files of a run directory; each write replaces a file whole.

    Raises:
        ValueError: a results file that holds something else.
    """

    def __init__(self, run_dir: Path):
        self.run_dir = run_dir
        self._results = [ClassifierResult(**row) for row in read_lines(run_dir / RESULTS)]
        self._predictions = [Predictions(**row) for row in read_lines(run_dir / PREDICTIONS)]

    @property
    def results(self) -> tuple[ClassifierResult, ...]:
        return tuple(self._results)

    def find(self, key: tuple) -> ClassifierResult | None:
        """The result of that key, where the run already has it."""
        return next((result for result in self._results if result.key == key), None)

    def add(self, result: ClassifierResult, predictions: Predictions) -> None:
        """Keep a result as soon as it is there."""
        same = {"task", "protocol", "seed", "classifier"}
        self._predictions = [
            p
            for p in self._predictions
            if any(getattr(p, k) != getattr(predictions, k) for k in same)
        ] + [predictions]
        self._results = [
            r for r in self._results if any(getattr(r, k) != getattr(result, k) for k in same)
        ] + [result]
        write_lines(self.run_dir / PREDICTIONS, self._predictions)
        self._write()

    def mark(self, task: str, protocol: str, seed: int) -> tuple[ClassifierResult, ...]:
        """Mark the selected and the best classifier of a finished task; ties go to the first."""
        rows = [r for r in self._results if (r.task, r.protocol, r.seed) == (task, protocol, seed)]
        selected = max(rows, key=lambda row: row.val_accuracy)
        best = max(rows, key=lambda row: row.test_accuracy)
        marked = tuple(
            replace(row, selected=row is selected, best_on_test=row is best) for row in rows
        )
        by_key = {row.key: row for row in marked}
        self._results = [by_key.get(row.key, row) for row in self._results]
        self._write()
        return marked

    def summarise(self, protocol: str) -> dict[str, Any]:
        """Write and return summary.json."""
        summary = summarise(self._results, protocol)
        write_whole(self.run_dir / SUMMARY, json.dumps(summary, indent=2) + "\n")
        return summary

    def _write(self) -> None:
        write_lines(self.run_dir / RESULTS, self._results)


def summarise(results: Sequence[ClassifierResult], protocol: str) -> dict[str, Any]:
    """UM, WM and GM of the classifiers that the protocol reports, and of the other choice.

    The plain keys are those of the paper's table: best on test. They are None while one of the nine
    tasks is missing; those over the tasks at hand stand under `present`.
    """
    rows = [row for row in results if row.protocol == protocol and row.task in SERAB_TASKS]
    sizes = {row.task: row.n_test for row in rows}
    summary: dict[str, Any] = {"protocol": protocol}
    for choice in ("best_on_test", "selected"):
        accuracies = {row.task: row.test_accuracy for row in rows if getattr(row, choice)}
        whole = means(accuracies, sizes)
        present = means(accuracies, sizes, whole.tasks)
        entry = {**_triple(whole), "present": _triple(present), "accuracies": accuracies}
        summary |= entry if choice == "best_on_test" else {"selected_on_validation": entry}
    summary["tasks"] = list(whole.tasks)
    summary["missing"] = list(whole.missing)
    summary["partial"] = sorted({row.task for row in rows if row.partial})
    return summary


def _triple(of: Means) -> dict[str, float | None]:
    return {"UM": of.um, "WM": of.wm, "GM": of.gm}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file, none where there is no file.

    Raises:
        ValueError: a line that isn't JSON; names file and line.
    """
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{path}: line {number} isn't JSON; remove the line or use another run_dir."
            ) from error
    return rows


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write dataclasses as JSON lines."""
    write_whole(path, "".join(json.dumps(asdict(row)) + "\n" for row in rows))
