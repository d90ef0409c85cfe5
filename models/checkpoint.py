"""Load and save speech encoders: our artefact, our training checkpoints, the official weights.

The artefact is one safetensors file whose header says everything that an embedding needs: encoder
and arguments, front end, pre-training norm. Nothing in it is executed.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from models.audio_ntt import AudioNTT
from models.cvt import CvT
from models.frontend import LogMel
from models.speech_encoder import SpeechEncoder

ARTEFACT = "encoder.safetensors"
LAST_CHECKPOINT = Path("checkpoints") / "last.ckpt"
SPEC_KEY = "speech_encoder"
"""Header entry of the artefact and entry of a training checkpoint."""

ARCHITECTURES: dict[str, type[nn.Module]] = {"AudioNTT": AudioNTT, "CvT": CvT}
"""Closed vocabulary: a file chooses among these, it can't name a class of its own."""

ENCODERS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "audio_ntt_512": (AudioNTT, {"embed_dim": 512}),
    "audio_ntt_1024": (AudioNTT, {"embed_dim": 1024}),
    "audio_ntt_2048": (AudioNTT, {"embed_dim": 2048}),
    "cvt_small": (CvT, {"stage_dims": [64, 128, 256], "pooling": "mean"}),
    "cvt_large_512": (CvT, {"stage_dims": [64, 256, 512], "pooling": "mean"}),
    "cvt_large": (CvT, {"stage_dims": [64, 256, 512], "pooling": "mel_mean_max"}),
}
"""The paper's encoders (Table 2)."""


class CheckpointError(ValueError):
    """A file that no encoder can be loaded from; the message names it, the cause, the way out."""


def random_encoder(name: str, seed: int = 42) -> SpeechEncoder:
    """A paper encoder with random weights, the control of every comparison.

    Raises:
        ValueError: unknown name.
    """
    if name not in ENCODERS:
        raise ValueError(f"unknown encoder {name!r}: expected one of {', '.join(ENCODERS)}.")
    architecture, arguments = ENCODERS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SpeechEncoder(architecture(**arguments), LogMel(), None, name).eval()


def encoder_name(encoder: nn.Module) -> str:
    """The paper's name of an encoder, or its class where its arguments aren't the paper's."""
    for name, (architecture, arguments) in ENCODERS.items():
        if type(encoder) is architecture and all(
            encoder.arguments[key] == value for key, value in arguments.items()
        ):
            return name
    return type(encoder).__name__


def encoder_spec(encoder: nn.Module, frontend: LogMel) -> dict[str, Any]:
    """What rebuilds an encoder without weights: plain numbers and strings.

    Raises:
        ValueError: a class that `ARCHITECTURES` doesn't list.
    """
    if ARCHITECTURES.get(type(encoder).__name__) is not type(encoder):
        raise ValueError(
            f"encoder {type(encoder).__name__}: a checkpoint can only name "
            f"{', '.join(ARCHITECTURES)}; add the class to models.checkpoint.ARCHITECTURES."
        )
    return {
        "version": 1,
        "name": encoder_name(encoder),
        "architecture": type(encoder).__name__,
        "arguments": encoder.arguments,
        "frontend": frontend.arguments,
    }


def save_encoder(
    path: str | Path,
    spec: dict[str, Any],
    weights: dict[str, Tensor],
    norm: tuple[float, float],
    about: dict[str, Any] | None = None,
) -> Path:
    """Write the artefact, whole or not at all.

    Args:
        path: of the file to write.
        spec: from `encoder_spec`.
        weights: state dict of the encoder.
        norm: mean and standard deviation of the pre-training log-mels.
        about: free facts for the reader (recipe, data, versions).
    """
    header = json.dumps({**spec, "norm": list(norm), "about": about or {}})
    weights = {key: value.detach().cpu().contiguous() for key, value in weights.items()}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(to_safetensors(weights, metadata={SPEC_KEY: header}))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def load_encoder(
    path: str | Path, encoder: str | None = None, device: str | torch.device = "cpu"
) -> SpeechEncoder:
    """Load a frozen encoder from whatever holds one.

    Args:
        path: a run directory, `encoder.safetensors`, a training checkpoint or official weights.
        encoder: the encoder to expect, one of `ENCODERS`. Official CvT weights of 512 and 2,048
            dimensions have the same shapes, so they need it.
        device: to put it on.

    Raises:
        CheckpointError: nothing there, cut off, holding code, or of another encoder.
    """
    if encoder is not None and encoder not in ENCODERS:
        raise CheckpointError(
            f"unknown encoder {encoder!r}: expected one of {', '.join(ENCODERS)}."
        )
    file = _find(Path(path))
    spec, weights = _read(file, encoder)
    try:
        module = ARCHITECTURES[spec["architecture"]](**spec["arguments"])
        frontend = LogMel(**spec["frontend"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{file}: describes no encoder that this version knows ({error}); "
            "train it again or use the version that wrote it."
        ) from error
    name = encoder_name(module)
    if encoder is not None and name != encoder:
        raise CheckpointError(
            f"{file}: holds {name} ({module.embed_dim} dimensions), not {encoder}; "
            f"use encoder={name} or another file."
        )
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise CheckpointError(
            f"{file}: its weights don't fit {name} ({detail}); it is damaged or of another model."
        ) from error
    loaded = SpeechEncoder(module, frontend, spec.get("norm"), name)
    return loaded.eval().requires_grad_(False).to(device)


def _find(path: Path) -> Path:
    if path.is_dir():
        for file in (path / ARTEFACT, path / LAST_CHECKPOINT):
            if file.is_file():
                return file
        raise CheckpointError(
            f"{path}: a directory without {ARTEFACT} or {LAST_CHECKPOINT}; give the run_dir of a "
            "finished or interrupted train.py, or a file."
        )
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file; give a run directory, {ARTEFACT}, a .ckpt or official weights."
        )
    return path


def _read(file: Path, encoder: str | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Specification and weights of the encoder in `file`, told by its content, not by its name."""
    with file.open("rb") as handle:
        start = handle.read(9)
    if start[8:9] == b"{":
        return _read_artefact(file)
    content = load_tensors(file)
    if SPEC_KEY in content:
        prefix = "byol.encoder."
        weights = {
            key.removeprefix(prefix): value
            for key, value in content["state_dict"].items()
            if key.startswith(prefix)
        }
        return {**content[SPEC_KEY]}, weights
    return _read_official(file, content, encoder), content


def _read_artefact(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(file, framework="pt") as tensors:
            header = (tensors.metadata() or {}).get(SPEC_KEY)
            weights = {key: tensors.get_tensor(key) for key in tensors.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(
            f"{file}: cut off or damaged ({error}); copy it again, or export it again by starting "
            "train.py with the same run_dir and resume=auto."
        ) from error
    if header is None:
        raise CheckpointError(
            f"{file}: a safetensors file without the entry {SPEC_KEY!r}; expected the "
            f"{ARTEFACT} that train.py writes."
        )
    return json.loads(header), weights


def load_tensors(file: Path) -> dict[str, Any]:
    """Read a torch file that holds tensors and plain values only.

    Raises:
        CheckpointError: cut off, not of torch, or holding objects, which could run code.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds here, pickle's among them
        reason = (
            "it holds Python objects, which are refused unexecuted"
            if zipfile.is_zipfile(file)
            else "it is cut off or was not written by torch"
        )
        raise CheckpointError(
            f"{file}: can't be loaded, {reason}; expected a file of tensors, copy it again or "
            "use another checkpoint."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file}: holds a {type(content).__name__}, expected a state dict.")
    return content


def _read_official(file: Path, weights: dict[str, Any], encoder: str | None) -> dict[str, Any]:
    """Specification of official BYOL-A and BYOL-S weights, told by their keys and shapes."""
    shapes = {
        key: tuple(value.shape) for key, value in weights.items() if isinstance(value, Tensor)
    }
    if "features.0.weight" in shapes and "fc.3.weight" in shapes:
        arguments: dict[str, Any] = {"embed_dim": shapes["fc.3.weight"][0]}
        architecture = "AudioNTT"
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
        "frontend": LogMel().arguments,
        "norm": None,
    }
