"""Which steps are logged: the only ones where something may wait for the device or for others."""

from __future__ import annotations

from pytorch_lightning import Trainer


def is_logged(trainer: Trainer) -> bool:
    """Whether Lightning writes to the loggers at the end of the present step of the optimizer."""
    every = trainer.log_every_n_steps  # type: ignore[attr-defined]  # its connector sets it
    step = trainer.fit_loop.epoch_loop._batches_that_stepped + 1
    return every > 0 and step % every == 0
