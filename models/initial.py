"""Pre-training that starts from given weights: an own run, an artefact, or the official ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from models.checkpoint import LAST_CHECKPOINT, load_encoder
from models.files import CheckpointError, load_tensors
from models.pretraining import BYOLPretraining

NORMS = ("keep", "estimate")
HEADS = ("projector", "predictor", "target_projector", "target_encoder")


def start_from(
    module: BYOLPretraining,
    path: str | Path,
    norm: str = "estimate",
    accept_licence: bool = False,
) -> None:
    """Give the module's networks the weights in `path`, before its first step.

    The online and the target encoder begin with the encoder's weights. A run of train.py also gives
    its heads and its target, where they have the same sizes; else they begin with random ones. The
    artefact and its card name the ancestor (`module.ancestor`).

    Args:
        module: not yet trained.
        path: whatever `models.checkpoint.load_encoder` reads.
        norm: "estimate" takes mean and deviation of the log-mels from the new recordings, as a
            fresh run does; "keep" takes over what the weights were trained with, for good.
        accept_licence: as `models.weights.fetching.released_weights`.

    Raises:
        CheckpointError: nothing to load, another encoder or front end (names what differs), or
            "keep" for weights that come without a norm.
        ValueError: unknown `norm`.
    """
    if norm not in NORMS:
        raise ValueError(f"init_norm={norm}: expected one of {', '.join(NORMS)}.")
    ancestor = load_encoder(path, accept_licence=accept_licence)
    module.check_same_encoder(ancestor.encoder, ancestor.frontend, f"init={path}")
    weights = ancestor.encoder.state_dict()
    module.byol.encoder.load_state_dict(weights)
    module.byol.target_encoder.load_state_dict(weights)
    heads = _load_heads(module, Path(path))
    if norm == "keep":
        if ancestor.norm is None:
            raise CheckpointError(
                f"init={path}: comes without the mean and deviation of its log-mels; set "
                "init_norm=estimate."
            )
        module.fix_norm(*ancestor.norm)
    digest = hashlib.sha256()
    for key, value in sorted(weights.items()):
        digest.update(f"{key} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    module.ancestor = {
        "init": str(path),
        "init_weights": digest.hexdigest(),
        "init_heads": heads,
        "init_norm": norm,
    }


def _load_heads(module: BYOLPretraining, path: Path) -> list[str]:
    """Take over the heads and the target that a run directory or checkpoint has; which it were."""
    file = path / LAST_CHECKPOINT if path.is_dir() else path
    if file.suffix != ".ckpt" or not file.is_file():
        return []
    saved = load_tensors(file)["state_dict"]
    taken = []
    for name in HEADS:
        prefix = f"byol.{name}."
        weights = {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}
        head = module.byol.get_submodule(name)
        current = head.state_dict()
        same = weights.keys() == current.keys() and all(
            weights[key].shape == value.shape for key, value in current.items()
        )
        if same:
            head.load_state_dict(weights)
            taken.append(name)
    return taken
