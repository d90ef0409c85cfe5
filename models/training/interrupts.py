"""Ctrl-C ends a run of training as SIGTERM does: after the step, with a checkpoint."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from models.training.lightning_internals import notify_of_stop


class StopAfterStep(Callback):
    """Between `on_train_start` and the run's end the first SIGINT waits for the step's end.

    A KeyboardInterrupt in the midst of a step may hit anything: a write of the checkpoint, a lock
    of the data loader, a collective. The second SIGINT raises it all the same.

    Attributes:
        status: with which the process should end after the signal that stopped it.
    """

    def __init__(self) -> None:
        self.status = 128 + signal.SIGTERM
        self._before: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # no signal arrives there

        def stop(signum: int, frame: FrameType | None) -> None:
            self._restore()
            self.status = 128 + signal.SIGINT
            if trainer.is_global_zero:
                print("\nstops after this step; Ctrl-C again: at once", file=sys.stderr, flush=True)
            notify_of_stop(trainer, frame)

        self._before = signal.signal(signal.SIGINT, stop)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._restore()

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
