"""How far a training is: a bar on a terminal, a line every so often in a file."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar, TQDMProgressBar

log = logging.getLogger("train")

LINE_EVERY = 30.0
"""Seconds between two lines."""


def progress(refresh_steps: int) -> ProgressBar:
    """What shows how far a training is, where standard output goes now.

    Args:
        refresh_steps: of the bar.
    """
    return TQDMProgressBar(refresh_steps) if sys.stdout.isatty() else ProgressLines()


class ProgressLines(ProgressBar):
    """Logs epoch, step and metrics, at most every `LINE_EVERY` seconds and at each fit's end."""

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._told_at = time.monotonic()

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if time.monotonic() - self._told_at >= LINE_EVERY:
            self._tell(trainer, pl_module, batch_idx + 1)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._tell(trainer, pl_module, None)

    def _tell(self, trainer: Trainer, pl_module: LightningModule, batch: int | None) -> None:
        self._told_at = time.monotonic()
        if not self._enabled:
            return
        done = f"epoch {trainer.current_epoch}"
        if batch is not None:
            batches = trainer.num_training_batches
            done = f"epoch {trainer.current_epoch + 1}, batch {batch} of {batches}"
        metrics = self.get_metrics(trainer, pl_module)
        numbers = {key: value for key, value in metrics.items() if isinstance(value, float)}
        values = [f"{key} {value:.4g}" for key, value in numbers.items()]
        log.info("%s", ", ".join([f"step {trainer.global_step}", done, *values]))
