"""Lightning's private names: all of them that this project touches, read with `READ_WITH`.

After an upgrade read these functions beside Lightning's loops and signal connector, then raise
`READ_WITH`; a test compares it with the installed version and finds private names elsewhere.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger

READ_WITH = "2.6"
"""Major and minor version of pytorch-lightning whose code was read."""


def is_logged(trainer: Trainer) -> bool:
    """Whether Lightning writes to the loggers at the end of the present step of the optimizer.

    Only there may something wait for the device or for other processes.
    """
    every = trainer.log_every_n_steps  # type: ignore[attr-defined]  # its connector sets it
    step = trainer.fit_loop.epoch_loop._batches_that_stepped + 1
    return every > 0 and step % every == 0


def epoch_is_over(trainer: Trainer) -> bool:
    """Whether the batch that ends now is the epoch's last."""
    return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch


def is_accumulating(trainer: Trainer) -> bool:
    """Whether the batch that ends now only added gradients, without a step of the optimizer."""
    return trainer.fit_loop._should_accumulate()


def resume_after_epochs(trainer: Trainer) -> None:
    """Let a run that stopped at an epoch's end go on with the next one, under max_steps too.

    With max_steps Lightning takes such a run for one that stopped within the epoch, ends that
    epoch once more, without a batch, and so goes on with the data of the epoch after the next.
    """
    trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]


def notify_of_stop(trainer: Trainer, frame: FrameType | None) -> None:
    """Let Lightning take a SIGINT for a SIGTERM: stop after this step, with a checkpoint.

    The processes that this one started are told as well; the terminal may have sent them SIGINT
    already, which does no harm.
    """
    trainer._signal_connector._sigterm_notifier_fn(signal.SIGTERM, frame)  # type: ignore[arg-type]  # unused


def sparse_signal_checks(trainer: Trainer) -> None:
    """Let the processes agree about a received SIGTERM at logged steps, and stop at the same one.

    Lightning asks before every batch, waits for the device to answer, and broadcasts from within
    the signal's handler, where it may meet another collective of the other processes.
    """
    if trainer.world_size == 1:
        return
    loop, connector = trainer.fit_loop.epoch_loop, trainer._signal_connector
    received = threading.Event()

    def note(signum: int, frame: object) -> None:
        launcher = trainer.strategy.launcher
        if launcher is not None and not received.is_set():
            launcher.kill(signum)
        received.set()

    def agree_at_logged_steps() -> None:
        if is_logged(trainer) and trainer.strategy.reduce_boolean_decision(
            received.is_set(), all=False
        ):
            connector.received_sigterm = True  # saved and stopped at this batch's end

    # both replace Lightning's own method: fit registers the first as the signal's handler, and the
    # epoch's loop calls the second before every batch
    connector._sigterm_notifier_fn = note  # type: ignore[assignment, method-assign]
    loop._broadcast_sigterm_tensor = agree_at_logged_steps  # type: ignore[method-assign]


def without_anonymous(logger: WandbLogger) -> None:
    """Keep a setting from W&B that Lightning always gives and W&B warns of."""
    logger._wandb_init.pop("anonymous", None)
