"""Checkpoints of a run: written whole, at the right moments, found and checked on restart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from models.checkpoint import ARTEFACT, LAST_CHECKPOINT
from models.files import CheckpointError, load_tensors, whole_file
from models.training.lightning_internals import epoch_is_over, is_accumulating, is_logged
from models.weights.artefact import SPEC_KEY
from models.weights.specification import check_types

RESUME = ("never", "auto")
PARTS = ("epoch", "global_step", "loops", "optimizer_states", "lr_schedulers")
"""What a checkpoint holds beside weights and specification, for training to go on."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target and renames, so a kill or a full disk leaves the old file whole."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        try:
            with whole_file(Path(path)) as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # torch wraps a failed write in RuntimeError
            if isinstance(cause := _cause(error), KeyboardInterrupt):  # and Ctrl-C during one
                raise cause from None
            raise OSError(
                f"{path}: the checkpoint can't be written ({cause}); the one before it is "
                "untouched, make room or choose another run_dir and start with resume=auto."
            ) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return load_tensors(Path(path))


class LastCheckpoint(Checkpoint):
    """Keeps `last.ckpt`: every so many seconds, at each epoch's end, at the end.

    Args:
        run_dir: of the run.
        every_seconds: at most that much work is lost to a kill; 0 saves after each batch.
    """

    def __init__(self, run_dir: str | Path, every_seconds: float = 120.0):
        self.path = Path(run_dir) / LAST_CHECKPOINT
        self.every_seconds = every_seconds
        self._saved_at = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            # an artefact that lies there already isn't of the weights that this run will have
            (self.path.parents[1] / ARTEFACT).unlink(missing_ok=True)
            for leftover in self.path.parent.glob(".*.ckpt.*"):  # of a killed write
                leftover.unlink(missing_ok=True)
        self._saved_at = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if epoch_is_over(trainer):
            return  # saved below, once the module has closed its epoch
        due = trainer.should_stop or 0 <= trainer.max_steps <= trainer.global_step
        if not due and self._asks(trainer):
            due = trainer.received_sigterm
            due |= time.monotonic() - self._saved_at >= self.every_seconds
            if trainer.world_size > 1:  # clocks and signals differ, and all must save together
                due = trainer.strategy.broadcast(due)
        if due and not is_accumulating(trainer):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if epoch_is_over(trainer):  # else it was cut short, and saved as what it is
            self._save(trainer)

    def _asks(self, trainer: Trainer) -> bool:
        """Whether this is a step to look at the clock; all processes wait for it, so not each."""
        if trainer.world_size == 1 or self.every_seconds == 0:
            return True
        return is_logged(trainer)

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.path)
        self._saved_at = time.monotonic()


def checkpoint_to_resume(
    run_dir: str | Path, resume: str, spec: dict[str, Any] | None = None
) -> Path | None:
    """The checkpoint from which a run goes on, or None for a fresh start.

    Args:
        run_dir: of the run.
        resume: one of `RESUME`.
        spec: of the encoder that is to go on, from `models.encoders.encoder_spec`.

    Raises:
        ValueError: unknown `resume`, or "never" where a run already is.
        CheckpointError: a checkpoint that isn't one.
    """
    if resume not in RESUME:
        raise ValueError(f"resume={resume}: expected one of {', '.join(RESUME)}.")
    path = Path(run_dir) / LAST_CHECKPOINT
    if not path.exists():
        return None
    if resume == "never":
        raise ValueError(
            f"run_dir={run_dir}: already holds a run; continue it with resume=auto or choose "
            "another run_dir."
        )
    content = load_tensors(path)
    if "state_dict" not in content or SPEC_KEY not in content:
        raise CheckpointError(f"{path}: not a checkpoint of train.py; choose another run_dir.")
    missing = [key for key in PARTS if key not in content]
    if missing:
        raise CheckpointError(
            f"{path}: lacks {', '.join(missing)}, so training can't go on from it (its encoder may "
            "still be evaluated); choose another run_dir."
        )
    saved = content[SPEC_KEY]
    check_types(path, saved)
    if spec is not None and any(saved[key] != spec[key] for key in ("architecture", "arguments")):
        raise CheckpointError(
            f"{path}: holds {saved.get('name')}, not {spec['name']}; continue it with the encoder "
            "that it began with or choose another run_dir."
        )
    return path


def newest_unfinished(runs: str | Path) -> Path | None:
    """The run directory below `runs` that was written to last and has no exported encoder yet."""
    candidates = [
        path.parent.parent
        for path in Path(runs).glob(f"*/{LAST_CHECKPOINT}")
        if not (path.parent.parent / ARTEFACT).exists()
    ]
    return max(candidates, key=lambda run: (run / LAST_CHECKPOINT).stat().st_mtime, default=None)


def _cause(error: BaseException) -> BaseException:
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
