"""An evaluation's scores, tables and pictures to Lightning's loggers, each as far as it goes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from serab.report.compose import compose
from serab.report.runs import read_runs

COLUMNS = (
    "task",
    "protocol",
    "seed",
    "classifier",
    "params",
    "selected",
    "best_on_test",
    "val_accuracy",
    "test_accuracy",
    "test_uar",
    "test_macro_f1",
    "n_test",
    "chance",
    "majority",
    "seconds",
)


class Evaluation(Protocol):
    """What is logged of one, see `serab.evaluation.Evaluation`."""

    @property
    def run_dir(self) -> Path: ...

    @property
    def results(self) -> Iterable[Any]: ...

    @property
    def metrics(self) -> dict[str, float]: ...


def log_evaluation(loggers: Iterable[Any], evaluation: Evaluation, step: int | None = None) -> None:
    """Log the metrics as `evaluate/NAME`; the scores as a table and the report's pictures as media.

    Args:
        loggers: of Lightning; those without `log_table` and `log_image` get the metrics.
        evaluation: a finished one.
        step: of the training before it.
    """
    loggers = list(loggers)
    metrics = {f"evaluate/{name}": value for name, value in evaluation.metrics.items()}
    for logger in loggers:
        logger.log_metrics(metrics, step)
    rich = [logger for logger in loggers if hasattr(logger, "log_table")]
    if not rich:
        return
    rows = [[_cell(getattr(row, name)) for name in COLUMNS] for row in evaluation.results]
    pictures = _pictures(evaluation)
    for logger in rich:
        if rows:
            logger.log_table("evaluate/scores", columns=list(COLUMNS), data=rows)
        for name, (alt, picture) in pictures.items():
            logger.log_image(f"evaluate/{name}", [picture], caption=[alt])


def _cell(value: Any) -> Any:
    """A table's column has one type: parameters as text."""
    if isinstance(value, dict):
        return " ".join(f"{name}={setting}" for name, setting in value.items())
    return value


def _pictures(evaluation: Evaluation) -> dict[str, tuple[str, Image.Image]]:
    """The report's pictures by name, real tasks and demos apart as there."""
    runs = read_runs([evaluation.run_dir])
    subsets = [[run for run in runs if run.demo is demo] for demo in (False, True)]
    return {
        picture.name: (picture.alt, Image.open(io.BytesIO(picture.light)))
        for subset in subsets
        if subset
        for picture in compose(subset).pictures
    }
