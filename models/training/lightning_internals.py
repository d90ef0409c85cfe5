"""Which steps are logged: the only ones where something may wait for the device or for others."""

from __future__ import annotations

import threading

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger


def is_logged(trainer: Trainer) -> bool:
    """Whether Lightning writes to the loggers at the end of the present step of the optimizer."""
    every = trainer.log_every_n_steps  # type: ignore[attr-defined]  # its connector sets it
    step = trainer.fit_loop.epoch_loop._batches_that_stepped + 1
    return every > 0 and step % every == 0


def _epoch_is_over(trainer: Trainer) -> bool:
    return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch


def resume_after_epochs(trainer: Trainer) -> None:
    """Let a run that stopped at an epoch's end go on with the next one, under max_steps too.

    With max_steps Lightning takes such a run for one that stopped within the epoch, ends that
    epoch once more, without a batch, and so goes on with the data of the epoch after the next.
    """
    trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]  # as meant


def sparse_signal_checks(trainer: Trainer) -> None:
    """Let the processes agree about a received SIGTERM at logged steps, and stop at the same one.

    Lightning asks before every batch, waits for the device to answer, and broadcasts from within
    the signal's handler, where it may meet another collective of the other processes.
    """
    if trainer.world_size == 1:
        return
    loop, connector = trainer.fit_loop.epoch_loop, trainer._signal_connector
    told = threading.Event()

    def note(signum: int, frame: object) -> None:
        launcher = trainer.strategy.launcher
        if launcher is not None and not told.is_set():
            launcher.kill(signum)
        told.set()

    def ask_sometimes() -> None:
        if is_logged(trainer) and trainer.strategy.reduce_boolean_decision(
            told.is_set(), all=False
        ):
            connector.received_sigterm = True  # saved and stopped at this batch's end

    connector._sigterm_notifier_fn = note  # type: ignore[assignment, method-assign]  # fit registers it
    loop._broadcast_sigterm_tensor = ask_sometimes  # type: ignore[method-assign]  # as meant


def without_anonymous(logger: WandbLogger) -> None:
    """Keep a setting from W&B that Lightning always gives and W&B warns of."""
    logger._wandb_init.pop("anonymous", None)
