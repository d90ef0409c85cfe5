"""How an encoder was trained, in words for its model card, from the run's config.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from models.checkpoint import LAST_CHECKPOINT

CONFIG = "config.yaml"
NO_FACTS = ("_target_", "_partial_", "fused", "n_mels", "frames")
"""Arguments that say nothing about the recipe, or that the card has said before."""


def read_recipe(source: str | Path) -> tuple[str, ...]:
    """One fact a line, such as "tau: 0.99".

    Args:
        source: what `load_encoder` takes. A run directory has a config.yaml; so have its artefact
            and its checkpoints beside or above them.

    Returns:
        () where there is none, or none of train.py.

    Raises:
        ValueError: one that can't be read.
    """
    path = _config_path(Path(source))
    if path is None:
        return ()
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tuple(_facts(config)) if "module" in config else ()
    except (
        OSError,
        yaml.YAMLError,
        UnicodeDecodeError,
        AttributeError,
        KeyError,
        TypeError,
    ) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path}: isn't the configuration that train.py writes ({reason}); restore it, or move "
            "it away and the card does without."
        ) from error


def _config_path(source: Path) -> Path | None:
    run_dir = source if source.is_dir() else source.parent
    if run_dir.name == LAST_CHECKPOINT.parent.name:
        run_dir = run_dir.parent
    path = run_dir / CONFIG
    return path if source.exists() and path.is_file() else None


def _facts(config: dict[str, Any]) -> Iterator[str]:
    module, data, trainer = config["module"], config["data"], config["trainer"]
    optimizer, schedule = dict(config["optimizer"]), module.get("schedule") or {}
    lr = optimizer.pop("lr")
    yield f"optimizer: {_called(optimizer)}"
    warmup, cosine = schedule.get("warmup"), schedule.get("decay") == "cosine"
    yield (
        f"learning rate: {lr:g}"
        + (f", warm-up over the first {100 * warmup:g} % of the steps" if warmup else "")
        + (", then down to 0 along a cosine" if cosine else "")
        + ("" if warmup or cosine else ", constant")
    )
    tau_end = schedule.get("tau_end")
    yield f"tau: {module['tau']:g}" + (f" to {tau_end:g} along a cosine" if tau_end else "")
    views = config["augment"]
    parts = [_called(part) for part in views.values() if isinstance(part, dict)]
    yield f"augmentation: {', then '.join(parts) or 'none'}"
    processes = _several(trainer.get("devices"), "devices") + _several(
        trainer.get("num_nodes"), "nodes"
    )
    accumulated = _several(trainer.get("accumulate_grad_batches"), "batches before a step")
    yield f"batch size: {data['batch_size']}{processes}{accumulated}"
    limits = {"epochs": trainer["max_epochs"], "steps": trainer["max_steps"]}
    said = [f"{limit} {unit}" for unit, limit in limits.items() if limit not in (None, -1)]
    yield f"length asked for: {' or '.join([*said, *_time(trainer)]) or 'no end'}"
    yield f"precision: {trainer['precision']}"


def _called(part: dict[str, Any]) -> str:
    """A class of the configuration and its arguments: `Mixup (ratio 0.4, memory size 2048)`."""
    name = part["_target_"].rsplit(".", 1)[-1]
    said = [
        f"{key.replace('_', ' ')} {value}" for key, value in part.items() if key not in NO_FACTS
    ]
    return f"{name} ({', '.join(said)})" if said else name


def _several(number: Any, what: str) -> str:
    return "" if number in (None, 1) else f" × {number} {what}"


def _time(trainer: dict[str, Any]) -> list[str]:
    return [f"{trainer['max_time']} of time"] if trainer.get("max_time") else []
