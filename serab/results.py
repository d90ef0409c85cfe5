"""Results of a run as frozen records, and the JSON-lines files that they live in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from serab.writing import write_whole

RESULTS, PREDICTIONS, REGRESSION = "results.jsonl", "predictions.jsonl", "regression.jsonl"


@dataclass(frozen=True)
class ClassifierResult:
    """One classifier on one task and split; accuracies are fractions, not rounded.

    `selected` marks the task's classifier that is best on validation, `best_on_test` the one that
    is best on the test part, which is what the paper's table reports. Under the strict protocol
    only the selected one is tested: the scores of the others, and `best_on_test`, are None.

    `seed` is the split's; `speakers` are the true ones of the test part; `over_utterances` and
    `over_speakers` are 95 % bootstrap intervals of the test accuracy, None with a single unit.
    """

    task: str
    extractor: str
    protocol: str
    classifier: str
    params: dict[str, Any]
    val_accuracy: float
    test_accuracy: float | None
    test_uar: float | None
    test_macro_f1: float | None
    over_utterances: list[float] | None
    over_speakers: list[float] | None
    n_train: int
    n_val: int
    n_test: int
    speakers: list[str]
    embed_dim: int
    chance: float
    majority: float
    seed: int
    seconds: float
    corpus_digest: str
    extractor_fingerprint: str
    scikit_learn: str
    partial: bool
    demo: bool
    leaks: list[str]
    selected: bool | None = False
    best_on_test: bool | None = False

    @property
    def split(self) -> tuple:
        return (self.task, self.protocol, self.seed)

    @property
    def slot(self) -> tuple:
        """A run has at most one result of each."""
        return (*self.split, self.classifier)

    @property
    def source(self) -> tuple:
        """What a result depends on beside its slot: where it differs, the result is stale."""
        return (self.corpus_digest, self.extractor_fingerprint, self.scikit_learn)


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

    @property
    def slot(self) -> tuple:
        return (self.task, self.protocol, self.seed, self.classifier)


@dataclass(frozen=True)
class RegressionResult:
    """One regressor on valence or arousal: concordance correlation (CCC) and error (RMSE).

    `selected` marks the regressor that is best on validation; under the strict protocol only that
    one is tested.
    """

    task: str
    dimension: str
    extractor: str
    protocol: str
    regressor: str
    params: dict[str, Any]
    val_ccc: float
    test_ccc: float | None
    test_rmse: float | None
    n_train: int
    n_val: int
    n_test: int
    seed: int
    seconds: float
    corpus_digest: str
    extractor_fingerprint: str
    scikit_learn: str
    partial: bool
    leaks: list[str]
    selected: bool = False

    @property
    def split(self) -> tuple:
        return (self.task, self.dimension, self.protocol, self.seed)

    @property
    def slot(self) -> tuple:
        return (*self.split, self.regressor)

    @property
    def source(self) -> tuple:
        return (self.corpus_digest, self.extractor_fingerprint, self.scikit_learn)


Record = TypeVar("Record", ClassifierResult, Predictions, RegressionResult)


class Rows(Generic[Record]):
    """Records of one kind in one file; each change replaces the file whole.

    Raises:
        ValueError: a file that holds something else; names the line.
    """

    def __init__(self, path: Path, kind: type[Record]):
        self.path = path
        self._by_slot: dict[tuple, Record] = {row.slot: row for row in _read(path, kind)}

    def __iter__(self):
        return iter(self._by_slot.values())

    def find(self, slot: tuple) -> Record | None:
        return self._by_slot.get(slot)

    def of_split(self, split: tuple) -> tuple[Record, ...]:
        return tuple(row for row in self if row.slot[: len(split)] == split)

    def put(self, *rows: Record) -> None:
        """Keep rows, in place of those of the same slots."""
        self._by_slot |= {row.slot: row for row in rows}
        self._write()

    def drop(self, slots: Iterable[tuple]) -> None:
        slots = [slot for slot in slots if slot in self._by_slot]
        for slot in slots:
            del self._by_slot[slot]
        if slots:
            self._write()

    def _write(self) -> None:
        write_whole(self.path, "".join(json.dumps(asdict(row)) + "\n" for row in self))


class RunFiles:
    """The result files of a run directory."""

    def __init__(self, run_dir: Path):
        self.run_dir = run_dir
        self.results = Rows(run_dir / RESULTS, ClassifierResult)
        self.predictions = Rows(run_dir / PREDICTIONS, Predictions)
        self.regression = Rows(run_dir / REGRESSION, RegressionResult)

    def check(self, protocol: str, extractor_fingerprint: str) -> None:
        """Raise ValueError where the directory holds a run of something else."""
        for row in (*self.results, *self.regression):
            if (row.protocol, row.extractor_fingerprint) != (protocol, extractor_fingerprint):
                raise ValueError(
                    f"run_dir={self.run_dir}: holds results of {row.extractor} under the "
                    f"{row.protocol} protocol, from another encoder or protocol than this run's; "
                    "choose another run_dir."
                )

    def drop_stale(self, split: tuple, source: tuple) -> None:
        """Forget results of this split that are of another corpus index or scikit-learn."""
        stale = [row.slot for row in self.results.of_split(split) if row.source != source]
        self.results.drop(stale)
        self.predictions.drop(stale)


def marked(rows: Iterable[ClassifierResult], all_tested: bool) -> tuple[ClassifierResult, ...]:
    """Rows of one split with the selected and the best marked; ties go to the first.

    `best_on_test` is None unless the protocol tests all of them.
    """
    rows = tuple(rows)
    selected = max(rows, key=lambda row: row.val_accuracy)
    best = max(rows, key=lambda row: row.test_accuracy) if all_tested else None
    return tuple(
        replace(row, selected=row is selected, best_on_test=None if best is None else row is best)
        for row in rows
    )


def _read(path: Path, kind: type[Record]) -> list[Record]:
    if not path.exists():
        return []
    names = {field.name for field in fields(kind)}
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            rows.append(kind(**{key: row[key] for key in names}))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: line {number} isn't a result of this version ({error}); use another "
                "run_dir."
            ) from error
    return rows
