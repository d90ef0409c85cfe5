"""What can be told wrong before anything heavy is imported: names, numbers and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from serab.classifier_names import check_classifiers
from serab.draws import check_splits
from serab.protocol import protocols_named
from serab.tasks import task_codes

READ_IN_PLACE = (
    "datamodules.pretraining.PretrainingData",
    "datamodules.pretraining.ShardData",
)
"""What reads recordings that are there already; others make or fetch theirs."""
ENCODER = "serab.extractors.encoder.EncoderExtractor"


def check_evaluation(cfg: DictConfig) -> None:
    """Check protocol, splits, tasks and classifiers of an evaluation.

    Raises:
        ValueError: a name that isn't known, or none at all.
    """
    check_splits(protocols_named(cfg.protocol), cfg.splits)
    task_codes(cfg.tasks)
    check_classifiers(cfg.classifiers)


def check_weights(cfg: DictConfig, is_known: Callable[[str], bool]) -> None:
    """Check that the weights of one of our encoders are there; other extractors know their own.

    Args:
        cfg: of an evaluation.
        is_known: whether a name that is no path stands for weights.

    Raises:
        ValueError: they aren't.
    """
    if cfg.extractor.get("_target_") != ENCODER:
        return
    for key, path in (("ckpt", cfg.ckpt), ("extractor.weights", cfg.extractor.get("weights"))):
        if path is not None and not Path(str(path)).exists() and not is_known(str(path)):
            raise ValueError(
                f"{key}={path}: no such file or folder; give a run directory, its "
                "encoder.safetensors, a .ckpt, official weights, or the name of an encoder that "
                "comes with the code (speech_512)."
            )


def check_recordings(cfg: DictConfig) -> None:
    """Check that the recordings of a new training are there.

    Args:
        cfg: of a training; one that goes on has its own place of recordings.

    Raises:
        ValueError: they aren't.
    """
    if cfg.resume == "auto" or cfg.data.get("_target_") not in READ_IN_PLACE:
        return
    for key, kind in (("manifest", "file"), ("root", "folder")):
        path = None if OmegaConf.is_missing(cfg.data, key) else cfg.data.get(key)
        if path is not None and not Path(str(path)).expanduser().exists():
            raise ValueError(f"data.{key}={path}: no such {kind}; give one with speech recordings.")
