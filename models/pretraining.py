"""BYOL pre-training as a LightningModule: hooks, logging, optimizer, collapse alarm."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from models.augmentations import TwoViews
from models.byol import BYOL, embedding_std
from models.checkpoint import SPEC_KEY, save_encoder
from models.encoders import encoder_spec
from models.frontend import LogMel

COLLAPSED = 0.02
"""Embedding std below which the warning comes; a healthy run stays an order of magnitude above."""


class CollapseWarning(UserWarning):
    """The embeddings of a batch point (nearly) all in one direction."""


class BYOLPretraining(LightningModule):
    """Waveform crops (B, S) -> two views -> BYOL loss, with the target following each step.

    All random numbers of a batch (views, dropout) are keyed by (seed, rank, epoch, batch), so a
    restart needs no generator states. What else must survive is in buffers.

    Args:
        encoder: (B, 1, F, T) -> (B, D); one of `models.encoders.ARCHITECTURES`.
        frontend: waveform to log-mel.
        views: log-mel to two views.
        optimizer: called with the trainable parameters.
        projector_dim, hidden_dim: of BYOL's heads.
        tau: EMA coefficient of the target.
        norm_epochs: the pre-norm statistics are frozen after as many epochs.
        seed: of everything random in a step.

    Raises:
        ValueError: an encoder that a checkpoint can't name.
    """

    def __init__(
        self,
        encoder: nn.Module,
        frontend: LogMel,
        views: TwoViews,
        optimizer: Callable[..., Optimizer],
        projector_dim: int = 256,
        hidden_dim: int = 4096,
        tau: float = 0.99,
        norm_epochs: int = 10,
        seed: int = 42,
    ):
        super().__init__()
        self.spec = encoder_spec(encoder, frontend)
        self.frontend, self.views = frontend, views
        # channels last: a faster step on a CPU, and what tensor cores want
        self.byol = BYOL(encoder, projector_dim, hidden_dim, tau).to(
            memory_format=torch.channels_last
        )
        self.make_optimizer = optimizer
        self.norm_epochs, self.seed = norm_epochs, seed
        self.register_buffer("epoch_loss", torch.zeros(()))  # sum over the epoch's batches
        self.register_buffer("epoch_batches", torch.zeros(()))
        self._collapsed = False
        self._last_loss = torch.zeros(())

    def forward(self, waveform: Tensor) -> Tensor:
        """Embeddings (B, D) of waveforms (B, S), with the pre-training norm, no gradient needed."""
        return self.byol.encoder(self.views.pre_norm(self.frontend(waveform)))

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        # not at the epoch's start: that hook isn't called in an epoch that is resumed
        self.views.pre_norm.updating = self.current_epoch < self.norm_epochs
        torch.manual_seed(batch_seed(self.seed, self.global_rank, self.current_epoch, batch_idx))

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        v, v2 = self.views(self.frontend(batch["waveform"]))
        output = self.byol(v, v2)
        loss = self._last_loss = output.loss.detach()
        self.epoch_loss += loss
        self.epoch_batches += 1
        spread = embedding_std(output.embedding)
        self.log("loss", loss, prog_bar=True)
        self.log("embedding_std", spread, prog_bar=True)
        self.log("ema", self.byol.tau)
        self.log("learning_rate", self.optimizers().param_groups[0]["lr"])
        self.log("unreadable", batch["unreadable"].sum().float(), reduce_fx="sum")
        if self.global_step % self.trainer.log_every_n_steps == 0:
            self._check_loss()
            self._watch_collapse(spread)
        return output.loss

    def on_train_epoch_end(self) -> None:
        self.log("loss_epoch", self.epoch_loss / self.epoch_batches, sync_dist=True)
        self.epoch_loss.zero_()
        self.epoch_batches.zero_()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.byol.update_target()  # here and not in a batch hook: a checkpoint must hold both

    def configure_optimizers(self) -> Optimizer:
        return self.make_optimizer([p for p in self.parameters() if p.requires_grad])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._check_loss()  # never over a good checkpoint
        checkpoint[SPEC_KEY] = {**self.spec, "norm": list(self.norm)}

    @property
    def norm(self) -> tuple[float, float]:
        """Mean and standard deviation of the log-mels seen so far."""
        return self.views.pre_norm.mean.item(), self.views.pre_norm.std.item()

    def export_encoder(self, path: str | Path, about: dict[str, Any] | None = None) -> Path:
        """Write the encoder artefact that `models.checkpoint.load_encoder` reads."""
        return save_encoder(path, self.spec, self.byol.encoder.state_dict(), self.norm, about)

    def _check_loss(self) -> None:
        if not torch.isfinite(self._last_loss):
            raise ValueError(
                f"step {self.global_step}: the loss is {self._last_loss.item()}; the last good "
                "checkpoint is kept, lower optimizer.lr or set trainer.precision=32-true."
            )

    def _watch_collapse(self, spread: Tensor) -> None:
        collapsed = bool(spread < COLLAPSED)
        if collapsed and not self._collapsed:
            warnings.warn(
                f"step {self.global_step}: embedding std {spread:.4f} is below {COLLAPSED}, the "
                "encoder gives (nearly) one embedding for every clip; check the data for silence "
                "or copies, lower the learning rate or raise tau.",
                CollapseWarning,
                stacklevel=2,
            )
        self._collapsed = collapsed


def batch_seed(seed: int, rank: int, epoch: int, batch: int) -> int:
    """63-bit seed of one batch on one rank, equal on every machine."""
    key = f"{seed} {rank} {epoch} {batch}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1
