"""Torch files of tensors, and the official BYOL-A and BYOL-S weights among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from models.encoders import ENCODERS
from models.files import CheckpointError
from models.frontend import LogMel


def official_spec(file: Path, weights: dict[str, Any], encoder: str | None) -> dict[str, Any]:
    """Specification of official BYOL-A and BYOL-S weights, told by their keys and shapes."""
    window = 400  # of the released evaluation, for BYOL-A's and BYOL-S's
    shapes = {
        key: tuple(value.shape) for key, value in weights.items() if isinstance(value, Tensor)
    }
    if "features.0.weight" in shapes and "fc.3.weight" in shapes:
        hidden_dim, local_dim = shapes["fc.0.weight"]
        arguments: dict[str, Any] = {"embed_dim": shapes["fc.3.weight"][0]}
        architecture = "AudioNTT"
        if "features.8.weight" not in shapes:  # two blocks: BYOL-A 2022, whose window is 1024 long
            arguments = {"embed_dim": arguments["embed_dim"] + local_dim, "hidden_dim": hidden_dim}
            architecture, window = "AudioNTT2022", 1024
    elif "layers.0.0.weight" in shapes and "layers.2.0.weight" in shapes:
        dims = [shapes[f"layers.{stage}.0.weight"][0] for stage in range(3)]
        fitting = [
            name
            for name, (_, paper) in ENCODERS.items()
            if paper.get("stage_dims") == dims and encoder in (None, name)
        ]
        if len(fitting) != 1:
            choices = [n for n, (_, p) in ENCODERS.items() if p.get("stage_dims") == dims]
            raise CheckpointError(
                f"{file}: official CvT weights with stages {dims}, which fit "
                f"{' and '.join(choices) or 'no encoder of the paper'}; say which with encoder=."
            )
        arguments, architecture = ENCODERS[fitting[0]][1], "CvT"
    else:
        keys = ", ".join(list(weights)[:3]) or "no entries"
        raise CheckpointError(
            f"{file}: not a speech encoder (its first entries: {keys}); expected a checkpoint of "
            "train.py or the official BYOL-A or BYOL-S weights."
        )
    return {
        "architecture": architecture,
        "arguments": arguments,
        "frontend": LogMel(win_length=window).arguments,
        "norm": None,
    }
