"""Results as frozen records: a classifier, its predictions, a regressor, on one split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from serab.protocol import Mark


class _Sourced:
    corpus_digest: str
    extractor_fingerprint: str
    scikit_learn: str

    @property
    def source(self) -> tuple:
        """What a result depends on beside its slot: where it differs, the result is stale."""
        return (self.corpus_digest, self.extractor_fingerprint, self.scikit_learn)


@dataclass(frozen=True)
class ClassifierResult(_Sourced):
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
    def test_score(self) -> float | None:
        return self.test_accuracy

    def describe_search(self) -> str:
        """In a few words, for the log."""
        return f"{self.task} {self.classifier:4} validation {self.val_accuracy:.3f}"

    @property
    def split(self) -> tuple:
        return (self.task, self.protocol, self.seed)

    @property
    def slot(self) -> tuple:
        """A run has at most one result of each."""
        return (*self.split, self.classifier)

    def has(self, mark: Mark) -> bool:
        """Whether it carries that mark."""
        return bool(self.selected if mark is Mark.SELECTED else self.best_on_test)

    @property
    def tested(self) -> float:
        """The test accuracy of a result that is marked: these have one."""
        assert self.test_accuracy is not None, f"{self.slot} is marked and not tested"
        return self.test_accuracy


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
class RegressionResult(_Sourced):
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
    def test_score(self) -> float | None:
        return self.test_ccc

    def describe_search(self) -> str:
        """In a few words, for the log."""
        return f"{self.task} {self.dimension} {self.regressor:5} validation CCC {self.val_ccc:.3f}"

    @property
    def split(self) -> tuple:
        return (self.task, self.dimension, self.protocol, self.seed)

    @property
    def slot(self) -> tuple:
        return (*self.split, self.regressor)


def marked(rows: Iterable[ClassifierResult], all_tested: bool) -> tuple[ClassifierResult, ...]:
    """Rows of one split with the selected and the best marked; ties go to the first.

    `best_on_test` is None unless the protocol tests all of them.
    """
    rows = tuple(rows)
    selected = max(rows, key=lambda row: row.val_accuracy)
    best = max(rows, key=lambda row: row.test_accuracy or 0.0) if all_tested else None
    return tuple(
        replace(row, selected=row is selected, best_on_test=None if best is None else row is best)
        for row in rows
    )
