"""Results as frozen records: a classifier, its predictions, a regressor, on one split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from annotated_types import Ge, Le, Len

from datamodules.typed_json import Count, Fraction, Positive
from serab.draws import Draw
from serab.protocol import Mark

Params = dict[str, float | int | str | bool | None]
"""A grid point: scikit-learn's names and settings."""

LAYER = "layer"
"""The parameter of a grid point that is the extractor's, where it has several layers."""

Limits = Annotated[list[Fraction], Len(2, 2)]
"""Low and high end of an interval."""

Correlation = Annotated[float, Ge(-1), Le(1)]
OPTIONAL = {"optional": True}
"""Metadata of a field that a line has only where it isn't None."""

Seconds = Annotated[float, Ge(0)]

TEST_SCORES = (
    "test_accuracy",
    "test_uar",
    "test_macro_f1",
    "over_utterances",
    "over_speakers",
    "by_speaker",
)
"""Fields of a classifier's result that are None until it is tested."""


class _Sourced:
    extractor: str
    protocol: str
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

    `seed` is the split's, or with `folds` the fold from 0 on; `speakers` are the true ones of the
    test part; `over_utterances` and `over_speakers` are 95 % bootstrap intervals of the test
    accuracy, None with a single unit; of a fold `by_speaker` has the accuracy of each speaker.
    """

    task: str
    extractor: str
    protocol: str
    classifier: str
    params: Params
    val_accuracy: Fraction
    test_accuracy: Fraction | None = field(default=None, kw_only=True)
    test_uar: Fraction | None = field(default=None, kw_only=True)
    test_macro_f1: Fraction | None = field(default=None, kw_only=True)
    over_utterances: Limits | None = field(default=None, kw_only=True)
    over_speakers: Limits | None = field(default=None, kw_only=True)
    folds: Positive | None = field(default=None, kw_only=True, metadata=OPTIONAL)
    by_speaker: list[Fraction] | None = field(default=None, kw_only=True, metadata=OPTIONAL)
    n_train: Count
    n_val: Positive
    n_test: Positive
    speakers: list[str]
    embed_dim: Positive
    chance: Fraction
    majority: Fraction
    seed: Count
    seconds: Seconds
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
        return f"{self.task} {self.classifier:4} validation {100 * self.val_accuracy:.1f} %"

    @property
    def split(self) -> tuple:
        return (self.task, self.protocol, Draw(self.seed, self.folds).name)

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
    seed: Count
    classifier: str
    emotions: list[str]
    utterances: list[str]
    speakers: list[str]
    true: list[str]
    predicted: list[str]
    folds: Positive | None = field(default=None, kw_only=True, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        lists = (self.utterances, self.speakers, self.true, self.predicted)
        if len({len(values) for values in lists}) != 1 or not self.true:
            raise ValueError("utterances, speakers, true and predicted aren't lists of one length")
        unknown = sorted({*self.true, *self.predicted} - {*self.emotions})
        if unknown:
            raise ValueError(f"{unknown[0]!a} isn't among the emotions")

    @property
    def split(self) -> tuple:
        return (self.task, self.protocol, Draw(self.seed, self.folds).name)

    @property
    def slot(self) -> tuple:
        return (*self.split, self.classifier)


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
    params: Params
    val_ccc: Correlation
    test_ccc: Correlation | None = field(default=None, kw_only=True)
    test_rmse: Annotated[float, Ge(0)] | None = field(default=None, kw_only=True)
    folds: Positive | None = field(default=None, kw_only=True, metadata=OPTIONAL)
    n_train: Count
    n_val: Positive
    n_test: Positive
    seed: Count
    seconds: Seconds
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
        return (self.task, self.dimension, self.protocol, Draw(self.seed, self.folds).name)

    @property
    def slot(self) -> tuple:
        return (*self.split, self.regressor)


@dataclass(frozen=True)
class LayerScores:
    """The best validation score of each layer, in a result of an extractor of several layers.

    The result's `params` have the layer that was chosen: the first of the best.

    Attributes:
        result: slot of the result.
        layers: their numbers.
        validation: for each; accuracies, or CCC for a regressor.
    """

    result: list[str | int]
    layers: Annotated[list[Count], Len(1)]
    validation: Annotated[list[Correlation], Len(1)]

    def __post_init__(self) -> None:
        if len(self.layers) != len(self.validation):
            raise ValueError("layers and validation aren't lists of one length")

    @property
    def split(self) -> tuple:
        return tuple(self.result[:-1])

    @property
    def slot(self) -> tuple:
        return tuple(self.result)

    @property
    def chosen(self) -> int:
        """The layer that the result must have."""
        return self.layers[self.validation.index(max(self.validation))]


def estimator_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a grid point that are the classifier's or regressor's own."""
    return {name: value for name, value in params.items() if name != LAYER}


def speaker_accuracies(answers: Predictions) -> list[float]:
    """Accuracy of each test speaker, by speaker in sorted order."""
    right: dict[str, list[bool]] = {}
    for speaker, true, predicted in zip(
        answers.speakers, answers.true, answers.predicted, strict=True
    ):
        right.setdefault(speaker, []).append(true == predicted)
    return [sum(right[speaker]) / len(right[speaker]) for speaker in sorted(right)]


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
