"""Others' weights: the official BYOL-A and BYOL-S files, bare or inside a training checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from models.encoders import ENCODERS
from models.files import CheckpointError
from models.frontend import LogMel

FIRST_ENTRIES = ("features.0.weight", "layers.0.0.weight", "layer1.0.conv1.weight")
"""By which an AudioNTT, a CvT and a ResNetish are found, behind any prefix."""
WRAPPERS = ("state_dict", "model", "model_state_dict")
"""Entries under which training code keeps its weights."""
FOLLOWERS = ("target", "teacher", "momentum", "ema")
"""Words in the prefix of a network that follows the trained one: the trained one is meant."""


def unwrap(file: Path, content: dict[str, Any]) -> dict[str, Any]:
    """The encoder's state dict in what a torch file holds.

    Unpacks {"model": ...} and {"state_dict": ...}, and takes the entries behind a prefix such as
    `module.` or `online_encoder.net.`; heads and followers beside them are another network's.

    Raises:
        CheckpointError: several encoders and no telling which.
    """
    for _ in range(len(WRAPPERS)):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), None)
        if inner is None:
            break
        content = inner
    content = {str(key): value for key, value in content.items()}  # a wrapped one is unchecked
    prefixes = {
        key.removesuffix(entry)
        for key in content
        for entry in FIRST_ENTRIES
        if key == entry or key.endswith(f".{entry}")
    }
    if len(prefixes) > 1:
        prefixes = {p for p in prefixes if not any(word in p.lower() for word in FOLLOWERS)}
        if len(prefixes) != 1:
            raise CheckpointError(
                f"{file}: holds several encoders ({', '.join(sorted(prefixes)) or 'followers'}); "
                "save the state dict of the one that is meant to a file of its own."
            )
    prefix = prefixes.pop() if prefixes else ""
    return {
        key.removeprefix(prefix): value for key, value in content.items() if key.startswith(prefix)
    }


def official_spec(file: Path, weights: dict[str, Any], encoder: str | None) -> dict[str, Any]:
    """Specification of official BYOL-A and BYOL-S weights, told by their keys and shapes.

    Raises:
        CheckpointError: weights of something else, or of several encoders of the paper.
    """
    window = 400  # of the released evaluation, for BYOL-A's and BYOL-S's
    shapes = {
        key: tuple(value.shape) for key, value in weights.items() if isinstance(value, Tensor)
    }

    def size(key: str, axis: int = 0) -> int:
        shape = shapes.get(key, ())
        if len(shape) <= axis:
            raise CheckpointError(
                f"{file}: looks like official weights, but has no {key} of {axis + 1} or more "
                "dimensions; it is damaged or of another model, download it again."
            )
        return shape[axis]

    if "features.0.weight" in shapes:
        arguments: dict[str, Any] = {"embed_dim": size("fc.3.weight")}
        architecture = "AudioNTT"
        if "features.8.weight" not in shapes:  # two blocks: BYOL-A 2022, whose window is 1024 long
            arguments = {
                "embed_dim": arguments["embed_dim"] + size("fc.0.weight", 1),
                "hidden_dim": size("fc.0.weight"),
            }
            architecture, window = "AudioNTT2022", 1024
    elif "layers.0.0.weight" in shapes:
        dims = [size(f"layers.{stage}.0.weight") for stage in range(3)]
        choices = [name for name, (_, p) in ENCODERS.items() if p.get("stage_dims") == dims]
        fitting = [name for name in choices if encoder in (None, name)]
        if len(fitting) != 1:
            raise CheckpointError(
                f"{file}: official CvT weights with stages {dims}, which fit "
                f"{' and '.join(choices) or 'no encoder of the paper'}; say which with encoder=."
            )
        arguments, architecture = ENCODERS[fitting[0]][1], "CvT"
    elif "layer1.0.conv1.weight" in shapes:
        depths = [
            len({key.split(".")[1] for key in shapes if key.startswith(f"layer{stage}.")})
            for stage in range(1, 5)
        ]
        arguments = {"depths": depths, "channels": size("layer1.0.conv1.weight")}
        architecture = "ResNetish"
    else:
        keys = ", ".join(list(weights)[:3]) or "no entries"
        raise CheckpointError(
            f"{file}: not a speech encoder (its first entries: {keys[:120]}); expected a "
            "checkpoint of train.py or the official BYOL-A or BYOL-S weights, as saved or under "
            f"{' or '.join(WRAPPERS)}."
        )
    return {
        "architecture": architecture,
        "arguments": arguments,
        "frontend": LogMel(win_length=window).arguments,
        "norm": None,
    }
