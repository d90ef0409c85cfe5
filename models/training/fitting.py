"""A fit that ends at a signal or another process' death with a status and a word on going on."""

from __future__ import annotations

import sys
from pathlib import Path

from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException

from models.training.interrupts import StopAfterStep
from models.training.lightning_internals import resume_after_epochs, sparse_signal_checks
from models.training.ranks import lost_another, watch_ranks


def fit(
    trainer: Trainer,
    module: LightningModule,
    data: LightningDataModule,
    checkpoint: Path | None,
    advice: str,
) -> None:
    """Train; a signal ends the process with its status and `advice` on how to go on."""
    interrupts = StopAfterStep()
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # its connector sets it
    callbacks.insert(0, interrupts)
    sparse_signal_checks(trainer)
    resume_after_epochs(trainer)
    watch_ranks(trainer, advice)
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except RuntimeError as error:
        if not lost_another(error, trainer):
            raise
        reason = str(error).splitlines()[0]
        raise OSError(f"another process of the run is gone ({reason}); {advice}") from error
    except (SystemExit, KeyboardInterrupt) as stop:  # Lightning's ways to end at a signal
        status = interrupts.status if isinstance(stop, SIGTERMException) else 130
        if trainer.is_global_zero:
            print(f"\nstopped by a signal; {advice}", file=sys.stderr)
        sys.exit(status)
