"""Valence and arousal as regression, the extension that the paper proposes (section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from serab.draws import Draw
from serab.index import CorpusIndex
from serab.layer_search import PreparedLayers
from serab.results.records import RegressionResult
from serab.results.run_files import Rows
from serab.runner import EmbeddedSplit, TaskRunner
from serab.scores import ccc, rmse
from serab.search import PreparedTask, Searched, Task
from serab.splits import split
from serab.tasks import DIMENSIONS, VALENCE_AROUSAL

if TYPE_CHECKING:
    from serab.estimators.grid import Candidate

_C = [10.0**exponent for exponent in range(3, -5, -1)]

_REGRESSORS = ("ridge", "SVR")


@cache
def regressors() -> dict[str, Candidate]:
    """By name; scikit-learn takes a second to import."""
    from sklearn.linear_model import Ridge
    from sklearn.svm import SVR

    from serab.estimators.grid import Candidate
    from serab.estimators.svm import predict_svms

    alphas = [10.0**exponent for exponent in range(6, -3, -1)]
    grid: dict[str, list] = {"kernel": ["rbf", "linear"], "C": _C}
    candidates = (
        Candidate("ridge", Ridge(), {"alpha": alphas}),
        Candidate("SVR", SVR(max_iter=10_000), grid, predict_svms),
    )
    return {candidate.name: candidate for candidate in candidates}


class RegressionRunner(TaskRunner[RegressionResult]):
    """Predict valence and arousal, on the corpus' split for emotions; CCC chooses and scores."""

    targets = DIMENSIONS

    @property
    def rows(self) -> Rows[RegressionResult]:
        return self.files.regression

    @property
    def names(self) -> Sequence[str]:
        return _REGRESSORS

    def candidate(self, name: str) -> Candidate:
        return regressors()[name]

    def embedded_split(self, index: CorpusIndex, draw: int | Draw) -> EmbeddedSplit:
        bare = [u.id for u in index.utterances if u.valence is None or u.arousal is None]
        if bare:
            raise ValueError(
                f"{_task(index)}: {len(bare)} utterances of {index.code} have no valence or "
                f"arousal, {bare[0]} is the first; prepare the corpus with its label files."
            )
        return EmbeddedSplit(self.extractor, index, split(index, self.protocol, draw), self.cache)

    def key(self, split: EmbeddedSplit, target: str) -> tuple:
        return (_task(split.index), target, self.protocol.name, split.parts.draw.name)

    def search(self, prepared: PreparedTask | PreparedLayers, candidate: Candidate) -> Searched:
        return prepared.search(candidate, ccc)

    def marked(self, rows: Sequence[RegressionResult]) -> tuple[RegressionResult, ...]:
        best = max(rows, key=lambda row: row.val_ccc)
        return tuple(replace(row, selected=row is best) for row in rows)

    def row(
        self,
        split: EmbeddedSplit,
        target: str,
        candidate: Candidate,
        searched: Searched,
        task: Task,
    ) -> RegressionResult:
        return RegressionResult(
            **self.facts(split, searched, task),
            task=_task(split.index),
            dimension=target,
            regressor=candidate.name,
            val_ccc=searched.val_score,
            test_ccc=None,
            test_rmse=None,
        )

    def test(
        self, split: EmbeddedSplit, prepared: PreparedTask | PreparedLayers, row: RegressionResult
    ) -> RegressionResult:
        predicted = prepared.predict_test(self.candidate(row.regressor), row.params)
        true = prepared.task.test_targets
        return replace(row, test_ccc=ccc(true, predicted), test_rmse=rmse(true, predicted))


def _task(index: CorpusIndex) -> str:
    return next(task for task, code in VALENCE_AROUSAL.items() if code == index.code)
