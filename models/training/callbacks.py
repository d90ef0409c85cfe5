"""What accompanies a training: its speed, its checkpoints, how far it is; and its plugins."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint

from models.compute.sync_batch_norm import SharedBatchNorm
from models.training.progress import progress
from models.training.resume import AtomicCheckpointIO, LastCheckpoint
from models.training.throughput import Throughput


def run_callbacks(run_dir: Path, every_seconds: float, refresh_steps: int | None) -> list[Callback]:
    """The callbacks of a run that writes to `run_dir`.

    Args:
        run_dir: has the checkpoints.
        every_seconds: between two writes of `last.ckpt`.
        refresh_steps: of the progress bar; None for no progress at all.
    """
    best = ModelCheckpoint(
        run_dir / "checkpoints",
        filename="best",
        monitor="loss_epoch",
        save_weights_only=True,
        enable_version_counter=False,
    )
    callbacks: list[Callback] = [Throughput(), best, LastCheckpoint(run_dir, every_seconds)]
    return callbacks if refresh_steps is None else [*callbacks, progress(refresh_steps)]


def run_plugins(shared_batch_norm: bool) -> list[AtomicCheckpointIO | SharedBatchNorm]:
    """Checkpoints that are written whole, and batch norm over all processes where it is asked."""
    plugins: list[AtomicCheckpointIO | SharedBatchNorm] = [AtomicCheckpointIO()]
    return [*plugins, SharedBatchNorm()] if shared_batch_norm else plugins
