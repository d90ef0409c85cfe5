"""BYOL pre-training as a LightningModule: hooks, logging, optimizer, collapse alarm."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from models.augmentations import TwoViews
from models.byol import BYOL, BYOLOutput, embedding_std
from models.checkpoint import save_encoder
from models.compute.compiling import compile_parts
from models.compute.distributed import (
    RANK_BUFFERS,
    gather_buffers,
    mean_over_ranks,
    restore_buffers,
    world_size,
)
from models.encoders import encoder_spec
from models.files import CheckpointError
from models.frontend import LogMel
from models.schedules import Schedule
from models.training.lightning_internals import is_logged
from models.weights.artefact import SPEC_KEY

COLLAPSED = 0.02
"""Embedding std below which the warning comes; a healthy run stays an order of magnitude above."""

SILENT = 1e-3
"""Deviation of log-mels (natural log) below which there is nothing but digital silence."""


class CollapseWarning(UserWarning):
    """The embeddings of a batch point (nearly) all in one direction."""


class BYOLPretraining(LightningModule):
    """Waveform crops (B, S) -> two views -> BYOL loss, with the target following each step.

    All random numbers of a batch (views, dropout) are keyed by (seed, rank, epoch, batch), so a
    restart needs no generator states. What else must survive is in buffers.

    A step reads nothing back from the device, except where it is logged.

    Args:
        encoder: (B, 1, F, T) -> (B, D); one of `models.encoders.ARCHITECTURES`.
        frontend: waveform to log-mel.
        views: log-mel to two views.
        optimizer: called with the trainable parameters.
        projector_dim, hidden_dim: of BYOL's heads.
        tau: EMA coefficient of the target.
        norm_epochs: the pre-norm statistics are frozen after as many epochs.
        seed: of everything random in a step.
        schedule: of learning rate and tau; by default both stay.
        compile: as in `models.compute.compiling.compile_parts`; views and BYOL are compiled, the
            front end (a Fourier transform) isn't.

    Raises:
        ValueError: an encoder that a checkpoint can't name, or an unknown option.
    """

    epoch_loss: Tensor
    epoch_batches: Tensor
    unreadable: Tensor

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
        schedule: Schedule | None = None,
        compile: bool | str = "auto",
    ):
        super().__init__()
        self.spec = encoder_spec(encoder, frontend)
        self.frontend, self.views = frontend, views
        self.byol = BYOL(encoder, projector_dim, hidden_dim, tau)
        # channels last: a faster step on a CPU, and what tensor cores want (not in torch's stubs)
        self.byol.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.make_optimizer, self.schedule = optimizer, schedule or Schedule()
        self.tau, self.norm_epochs, self.seed, self.compile_choice = tau, norm_epochs, seed, compile
        self.register_buffer("epoch_loss", torch.zeros(()))  # sum over the epoch's batches
        self.register_buffer("epoch_batches", torch.zeros(()))
        self.register_buffer("unreadable", torch.zeros(()))  # crops since the start
        self.ancestor: dict[str, Any] = {}
        """Facts about the weights that this run began with; empty for random ones."""
        self._parts = compile_parts(compile, torch.device("cpu"), views, self.byol)
        self._rank_buffers: dict[str, Tensor] | None = None
        self._collapsed = False
        self._last_loss = torch.zeros(())

    def forward(self, waveform: Tensor) -> Tensor:
        """Embeddings (B, D) of waveforms (B, S), with the pre-training norm, no gradient needed."""
        return self.byol.encoder(self.views.pre_norm(self.frontend(waveform)))

    def on_fit_start(self) -> None:
        if self.trainer.accumulate_grad_batches < 1:
            raise ValueError(
                f"trainer.accumulate_grad_batches={self.trainer.accumulate_grad_batches}: expected "
                "at least 1."
            )
        self._parts = compile_parts(self.compile_choice, self.device, self.views, self.byol)

    def on_train_start(self) -> None:
        if self._rank_buffers is not None:  # here: before, DDP gives everyone those of rank 0
            restore_buffers(self, self._rank_buffers)
            self._rank_buffers = None

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        # not at the epoch's start: that hook isn't called in an epoch that is resumed
        self.views.pre_norm.updating = self.current_epoch < self.norm_epochs
        torch.manual_seed(batch_seed(self.seed, self.global_rank, self.current_epoch, batch_idx))

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        output = self.step(to_float(batch["waveform"]))
        loss = self._last_loss = output.loss.detach()
        self.epoch_loss += loss
        self.epoch_batches += 1
        self.unreadable += batch["unreadable"].sum()
        if is_logged(self.trainer):
            self._report(output)
        return output.loss

    def step(self, waveform: Float[Tensor, "B S"]) -> BYOLOutput:
        """What is minimised, of one batch."""
        views, byol = self._parts
        return byol(*views(self.frontend.of_crops(waveform)))

    def on_train_epoch_end(self) -> None:
        if self.views.pre_norm.std < SILENT:
            raise ValueError(
                f"epoch {self.current_epoch}: every crop so far is digital silence (the log-mels' "
                f"deviation is {self.norm[1]:.1e}); check the recordings in data.root."
            )
        self.log("loss_epoch", self.epoch_loss / self.epoch_batches, sync_dist=True)
        self.epoch_loss.zero_()
        self.epoch_batches.zero_()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        # once for each step of the optimizer, however many batches it accumulates, and here, not
        # in a batch hook: a checkpoint must hold both
        if self.schedule.tau_end is not None:
            self.byol.tau = self.schedule.tau(self.tau, self.global_step, self._steps())
        self.byol.update_target()

    def configure_optimizers(self) -> Any:
        try:
            optimizer = self.make_optimizer([p for p in self.parameters() if p.requires_grad])
        except TypeError as error:
            raise ValueError(f"optimizer: a value of the wrong kind ({error}).") from error
        if self.schedule.constant:
            return optimizer
        steps = self._steps()
        scheduler = LambdaLR(optimizer, lambda step: self.schedule.lr_factor(step, steps))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._check_loss(
            mean_over_ranks(self._last_loss.to(self.device))
        )  # never over a good checkpoint
        checkpoint[SPEC_KEY] = {**self.spec, "norm": list(self.norm)}
        checkpoint["start"] = {"ancestor": self.ancestor, "norm_epochs": self.norm_epochs}
        if "optimizer_states" in checkpoint and world_size() > 1:  # one to go on from
            checkpoint[RANK_BUFFERS] = gather_buffers(self)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        start = checkpoint.get("start", {})  # which older checkpoints lack
        self.ancestor = start.get("ancestor", self.ancestor)
        self.norm_epochs = start.get("norm_epochs", self.norm_epochs)
        one_rank = {name: buffer[None] for name, buffer in checkpoint["state_dict"].items()}
        self._rank_buffers = checkpoint.get(RANK_BUFFERS, one_rank)

    def check_same_encoder(self, encoder: nn.Module, frontend: LogMel, source: str) -> None:
        """Raise CheckpointError, naming what differs, unless they are as this module's."""
        found = encoder_spec(encoder, frontend)
        pairs = [("encoder", self.spec["architecture"], found["architecture"])]
        same_architecture = pairs[0][1] == pairs[0][2]
        for part in ("arguments", "frontend") if same_architecture else ("frontend",):
            keys = sorted({*self.spec[part], *found[part]} - {"dropout"})  # it has no weights
            pairs += [(key, self.spec[part].get(key), found[part].get(key)) for key in keys]
        differing = [f"{key} {new} (there {old})" for key, new, old in pairs if new != old]
        if differing:
            raise CheckpointError(
                f"{source}: can't begin with these weights, this run has {', '.join(differing)}; "
                "set encoder= and frontend= to those of the weights."
            )

    def fix_norm(self, mean: float, std: float) -> None:
        """Take mean and deviation of the log-mels as given, for good."""
        norm = self.views.pre_norm
        norm.mean.fill_(mean)
        norm.variance.fill_(std**2)
        norm.clips.fill_(1)
        self.norm_epochs = 0

    @property
    def norm(self) -> tuple[float, float]:
        """Mean and standard deviation of the log-mels seen so far."""
        return self.views.pre_norm.mean.item(), self.views.pre_norm.std.item()

    def export_encoder(self, path: str | Path, about: dict[str, Any] | None = None) -> Path:
        """Write the encoder artefact that `models.checkpoint.load_encoder` reads."""
        facts = {**(about or {}), **self.ancestor}
        return save_encoder(path, self.spec, self.byol.encoder.state_dict(), self.norm, facts)

    def _steps(self) -> int:
        """Steps of the whole run, which a schedule needs."""
        steps = self.trainer.estimated_stepping_batches
        if steps == float("inf"):
            raise ValueError(
                "module.schedule: a schedule needs an end; set trainer.max_epochs or max_steps."
            )
        return int(steps)

    def _report(self, output: BYOLOutput) -> None:
        """Log a step, over all processes; the one place where a step waits for the device."""
        values = torch.stack([output.loss.detach(), embedding_std(output.embedding)])
        values = torch.cat([values.float(), self.unreadable[None] * world_size()])
        # on the CPU: what the progress bar shows is read at every step
        loss, spread, unreadable = mean_over_ranks(values).cpu()
        self._check_loss(loss)
        self._watch_collapse(float(spread))
        self.log("loss", loss, prog_bar=True)
        self.log("embedding_std", spread, prog_bar=True)
        self.log("ema", torch.tensor(self.byol.tau, dtype=torch.float64))
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        rate = optimizer.param_groups[0]["lr"]
        self.log("learning_rate", torch.tensor(rate, dtype=torch.float64))
        self.log("unreadable", unreadable)

    def _check_loss(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            raise ValueError(
                f"step {self.global_step}: the loss is {loss.item()}; the last good "
                "checkpoint is kept, lower optimizer.lr or set trainer.precision=32-true."
            )

    def _watch_collapse(self, spread: float) -> None:
        collapsed = spread < COLLAPSED
        if collapsed and not self._collapsed and self.global_rank == 0:
            warnings.warn(
                f"step {self.global_step}: embedding std {spread:.4f} is below {COLLAPSED}, the "
                "encoder gives (nearly) one embedding for every clip; check the data for silence "
                "or copies, lower the learning rate or raise tau.",
                CollapseWarning,
                stacklevel=2,
            )
        self._collapsed = collapsed


def to_float(waveform: Tensor) -> Tensor:
    """Samples in [-1, 1]; int16, as shards hold them, is converted where it is."""
    return waveform.float() / 32_768 if waveform.dtype == torch.int16 else waveform


def batch_seed(seed: int, rank: int, epoch: int, batch: int) -> int:
    """63-bit seed of one batch on one rank, equal on every machine."""
    key = f"{seed} {rank} {epoch} {batch}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1
