"""What an analysis found, as a frozen record: one number, what was varied for it, its interval."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from annotated_types import Len

from datamodules.typed_json import Count

ANALYSES = "analyses.jsonl"

Value = float | int | str | bool | None


class Measure(StrEnum):
    """What a finding's value is: a share of right answers, or a difference of two such shares."""

    ACCURACY = "accuracy"
    DIFFERENCE = "difference"
    CONFUSION = "confusion"  # how much more often one group's utterances are taken for something


@dataclass(frozen=True)
class Finding:
    """One number of one analysis; shares and differences are fractions, not rounded.

    `task` is the corpus whose utterances were asked, `condition` what was varied, `details` what a
    reader should know beside it. `interval` is a 95 % bootstrap interval over `speakers` test
    speakers, None for a single one; `classifiers` are those that were searched; `notes` are
    sentences about what was left out or short; `division` stands for who was in which part.
    """

    analysis: str
    task: str
    measure: str
    condition: dict[str, Value]
    value: float
    interval: Annotated[list[float], Len(2, 2)] | None
    speakers: Count
    n_test: Count
    extractor: str
    corpus_digest: str
    extractor_fingerprint: str
    scikit_learn: str
    classifiers: list[str]
    details: dict[str, Value] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    division: str = ""

    @property
    def slot(self) -> tuple:
        """A run has at most one finding of each."""
        return (self.analysis, self.task, self.measure, *sorted(map(str, self.condition.items())))

    @property
    def source(self) -> tuple:
        """What a finding depends on beside its slot: where it differs, the finding is stale."""
        return (
            self.corpus_digest,
            self.extractor_fingerprint,
            self.scikit_learn,
            tuple(self.classifiers),
            self.division,
        )
