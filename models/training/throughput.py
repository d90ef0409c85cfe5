"""Samples per second and the share of time that training waits for data."""

from __future__ import annotations

import time
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from models.training.lightning_internals import is_logged


class Throughput(Callback):
    """Logs `samples_per_second` (all processes) and `data_wait` (share of wall time), per window.

    A window lasts from one logged step to the next; the first batch of a run is left out, as it
    pays for the workers' start.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._window_start: float | None = None
        self._last_end = time.perf_counter()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._window_start is not None:
            self._waited += time.perf_counter() - self._last_end

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = self._last_end = time.perf_counter()
        if self._window_start is None:
            self._open(now)
            return
        self._samples += len(batch["waveform"]) * trainer.world_size
        if is_logged(trainer):
            wall = now - self._window_start
            # tensors on the CPU: Lightning would put numbers on the device, and read them back
            pl_module.log("samples_per_second", torch.tensor(self._samples / wall), prog_bar=True)
            pl_module.log("data_wait", torch.tensor(self._waited / wall))
            self._open(now)

    def _open(self, now: float) -> None:
        self._window_start, self._waited, self._samples = now, 0.0, 0
