"""The artefact: one safetensors file whose header says all of its encoder, and its checksum.

A shared encoder (`models.hub`) is the same in two files: model.safetensors and config.json.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from models.files import CheckpointError, check_no_pointer
from models.hub_download import CONFIG

SPEC_KEY = "speech_encoder"
"""Header entry of the artefact and entry of a training checkpoint."""
CONFIG_KEYS = ("version", "name", "architecture", "arguments", "frontend", "norm", "about")
CHECKSUM = "checksum"


def artefact_bytes(spec: dict[str, Any], weights: dict[str, Tensor]) -> bytes:
    """Content of the artefact: `CONFIG_KEYS` and the checksum in its header, then the weights."""
    header = json.dumps({**spec, CHECKSUM: checksum(spec, weights)})
    return to_safetensors(weights, metadata={SPEC_KEY: header})


def shared_bytes(spec: dict[str, Any], weights: dict[str, Tensor]) -> bytes:
    """Content of model.safetensors, whose checksum holds config.json as well."""
    return to_safetensors(weights, {"format": "pt", CHECKSUM: checksum(spec, weights)})


def checksum(spec: dict[str, Any], weights: dict[str, Tensor]) -> str:
    """SHA-256 (hex) over the specification and over names, types, shapes and values."""
    plain = {key: value for key, value in spec.items() if key != CHECKSUM}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for key, value in sorted(weights.items()):
        digest.update(f"\n{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_artefact(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Specification and weights of an artefact, or of model.safetensors beside a config.json.

    Files of before there were checksums have none, and are read without.

    Raises:
        CheckpointError: cut off, of something else, or not as it was written.
    """
    try:
        with safe_open(file, framework="pt") as tensors:
            metadata = tensors.metadata() or {}
            weights = {key: tensors.get_tensor(key) for key in tensors.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{file}: cut off or damaged ({reason}); copy it again, or export it again by starting "
            "train.py with the same run_dir and resume=auto."
        ) from error
    header = metadata.get(SPEC_KEY)
    if header is not None:
        spec = _object(file, header, optional=(CHECKSUM,))
        written = str(spec.pop(CHECKSUM)) if CHECKSUM in spec else None
    elif (config := file.with_name(CONFIG)).is_file():
        spec, written = read_config(config), metadata.get(CHECKSUM)
    else:
        raise CheckpointError(
            f"{file}: a safetensors file without the entry {SPEC_KEY!r}; expected the "
            "encoder.safetensors that train.py writes."
        )
    if written is not None and written != checksum(spec, weights):
        raise CheckpointError(
            f"{file}: isn't as it was written, its checksum doesn't hold; copy or download it "
            "again, or export it again by starting train.py with the same run_dir and resume=auto."
        )
    return spec, weights


def read_config(path: Path) -> dict[str, Any]:
    """The specification in a shared encoder's config.json: plain values, nothing is imported by it.

    Raises:
        CheckpointError: no JSON object, or other entries than `CONFIG_KEYS`.
    """
    check_no_pointer(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: isn't JSON ({error}); download it again.") from error
    return _object(path, text)


def _object(path: Path, text: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """A JSON object with the entries `CONFIG_KEYS`, and perhaps the optional ones."""
    try:
        content = json.loads(text)
        json.dumps(content)  # as its checksum needs it: a nesting may be too deep to be written
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: isn't JSON ({error}); download it again.") from error
    keys = set(content) if isinstance(content, dict) else set()
    unknown = sorted(keys - set(CONFIG_KEYS) - set(optional))
    missing = sorted(set(CONFIG_KEYS) - keys)
    if unknown or missing:
        raise CheckpointError(
            f"{path}: has the unknown entries {unknown} and lacks {missing}; expected "
            f"{', '.join(CONFIG_KEYS)}, as train.py and python -m models.hub write them: it is "
            "damaged or of a later version."
        )
    return content
