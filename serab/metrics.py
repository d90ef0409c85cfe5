"""The named numbers of an evaluation, which sweeps and loggers look at, as one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import mean

from serab.protocol import Mark, Protocol
from serab.results.records import ClassifierResult, RegressionResult
from serab.results.summary import spread
from serab.scores import SERAB_TASKS
from serab.tasks import DIMENSIONS, VALENCE_AROUSAL, Tasks

Metric = Callable[[Sequence[ClassifierResult], Sequence[RegressionResult]], float]
"""From an evaluation's results, a fraction; for valence and arousal the CCC."""


def metrics_of(tasks: Tasks, protocols: Sequence[Protocol]) -> dict[str, Metric]:
    """The metrics of an evaluation on `tasks`, by name; the first is what a sweep looks at.

    Of several protocols the one whose number isn't chosen on the test has the plain names; those
    of the others begin with the protocol's.
    """
    ordered = sorted(protocols, key=lambda protocol: protocol.tests_all)
    table = _metrics(tasks, ordered[0])
    for protocol in ordered[1:]:
        table |= {f"{protocol.name}_{name}": m for name, m in _metrics(tasks, protocol).items()}
    return table


def _metrics(tasks: Tasks, protocol: Protocol) -> dict[str, Metric]:
    """Of one protocol.

    `val_accuracy` is that of the classifiers selected on validation, so a search over it keeps the
    test speakers out. `test_accuracy`, `UM` (over the nine, where all are there) and each task's
    own accuracy are of the choice that the protocol reports. All are means over splits, then tasks.
    """
    codes = [index.code for index in tasks.classification]
    names = {code: name for name, code in VALENCE_AROUSAL.items()}

    def accuracy_on(codes: Iterable[str]) -> Metric:
        def score(rows: Sequence[ClassifierResult], _: Sequence[RegressionResult]) -> float:
            chosen = [row for row in rows if row.protocol == protocol.name]
            chosen = [row for row in chosen if row.has(protocol.reports)]
            found = [spread([row for row in chosen if row.task == code]) for code in codes]
            return mean(accuracies.mean for accuracies in found if accuracies is not None)

        return score

    def validation(rows: Sequence[ClassifierResult], _: Sequence[RegressionResult]) -> float:
        return mean(
            mean(
                row.val_accuracy
                for row in rows
                if (row.task, row.protocol) == (code, protocol.name) and row.has(Mark.SELECTED)
            )
            for code in codes
        )

    def ccc_on(task: str, dimension: str) -> Metric:
        return lambda _, rows: mean(
            row.test_ccc
            for row in rows
            if (row.task, row.dimension, row.protocol) == (task, dimension, protocol.name)
            if row.selected and row.test_ccc is not None
        )

    table: dict[str, Metric] = {}
    if codes:
        table |= {"val_accuracy": validation, "test_accuracy": accuracy_on(codes)}
    if set(SERAB_TASKS) <= set(codes):
        table["UM"] = accuracy_on(SERAB_TASKS)
    table |= {code: accuracy_on([code]) for code in codes}
    for index in tasks.regression:
        for dimension in DIMENSIONS:
            task = names[index.code]
            table[f"{task}_{dimension}"] = ccc_on(task, dimension)
    return table
