"""What a finished training leaves: the encoder's file, its words on the screen, its metrics."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pytorch_lightning import Trainer
from torch import Tensor

from models.checkpoint import ARTEFACT

log = logging.getLogger("train")


@runtime_checkable
class Pretraining(Protocol):
    """A module that trains an encoder."""

    @property
    def unreadable(self) -> Tensor:
        """How many crops were silence in place of a recording."""
        ...

    def export_encoder(self, path: Path, about: dict[str, Any]) -> Path: ...


PACKAGES = ("torch", "torchaudio", "pytorch-lightning")


def export(
    module: Pretraining, trainer: Trainer, run_dir: Path, data: dict[str, Any], seed: int
) -> Path:
    """Write the encoder's file, give it to the loggers that keep one, and say where all is.

    Args:
        module: trained.
        trainer: that trained it.
        run_dir: for the file.
        data: facts about the recordings, for the reader of the file.
        seed: of the run.
    """
    about = {
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        **data,
        "seed": seed,
        "versions": {package: version(package) for package in PACKAGES},
    }
    artefact = module.export_encoder(run_dir / ARTEFACT, about)
    log.info("encoder     %s", artefact)
    log.info("checkpoints %s", run_dir / "checkpoints")
    if trainer.loggers:
        log.info("metrics     %s", run_dir / "metrics")
    log.info("evaluate    python evaluate.py ckpt=%s", run_dir)
    if unreadable := int(module.unreadable):
        log.warning("unreadable  %d crops were silence in place of a recording", unreadable)
    for logger in trainer.loggers:
        if hasattr(logger, "log_encoder"):
            logger.log_encoder(artefact, about)
    return artefact


def last_metrics(trainer: Trainer) -> dict[str, float]:
    """What a sweep can look at: the last epoch's loss and the probes' last scores."""
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    metrics = {name: value for name, value in logged.items() if name.startswith("probe_")}
    return metrics | ({"loss": logged["loss_epoch"]} if "loss_epoch" in logged else {})
