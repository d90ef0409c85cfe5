"""Load and save speech encoders: our artefact, our training checkpoints, the official weights.

The artefact is one safetensors file whose header says everything that an embedding needs: encoder
and arguments, front end, pre-training norm. Nothing in it is executed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from models.encoders import ARCHITECTURES, ENCODERS, encoder_name
from models.frontend import LogMel
from models.hub_download import CONFIG, WEIGHTS, download, is_repo_id
from models.official import CheckpointError, load_tensors, official_spec
from models.speech_encoder import SpeechEncoder
from models.writing import write_whole

ARTEFACT = "encoder.safetensors"
LAST_CHECKPOINT = Path("checkpoints") / "last.ckpt"
SHIPPED = {
    path.stem: path for path in sorted((Path(__file__).parent / "weights").glob("*.safetensors"))
}
"""Our own encoders by name; models/weights/README.md is their card."""
SPEC_KEY = "speech_encoder"
"""Header entry of the artefact and entry of a training checkpoint."""
CONFIG_KEYS = ("version", "name", "architecture", "arguments", "frontend", "norm", "about")


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
    return write_whole(Path(path), to_safetensors(weights, metadata={SPEC_KEY: header}))


def load_encoder(
    path: str | Path, encoder: str | None = None, device: str | torch.device = "cpu"
) -> SpeechEncoder:
    """Load a frozen encoder from whatever holds one.

    Args:
        path: the name of an encoder of ours that comes with the code (`SHIPPED`), a run directory,
            `encoder.safetensors`, a training checkpoint, official weights, or what `models.hub`
            shares: a folder or the name of a Hub repository, USER/NAME. A path of that name that
            is there goes first.
        encoder: the encoder to expect, one of `ENCODERS`. Official CvT weights of 512 and 2,048
            dimensions have the same shapes, so they need it.
        device: to put it on.

    Raises:
        CheckpointError: nothing there, cut off, holding code, or of another encoder.
        models.hub_download.UnreachableError: a repository that can't be had.
    """
    if encoder is not None and encoder not in ENCODERS:
        raise CheckpointError(
            f"unknown encoder {encoder!r}: expected one of {', '.join(ENCODERS)}."
        )
    if is_repo_id(str(path)) and not Path(path).exists():
        path = download(str(path))
    file = _find(Path(path) if Path(path).exists() else SHIPPED.get(str(path), Path(path)))
    spec, weights = _read(file, encoder)
    try:
        module = ARCHITECTURES[spec["architecture"]](**spec["arguments"])
        frontend = LogMel(**spec["frontend"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:  # or sizes without bounds
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
    loaded = SpeechEncoder(module, frontend, spec.get("norm"), name, spec.get("about"))
    return loaded.eval().requires_grad_(False).to(device)


def _find(path: Path) -> Path:
    if path.is_dir():
        for file in (path / ARTEFACT, path / LAST_CHECKPOINT):
            if file.is_file():
                return file
        if (path / CONFIG).is_file() and (path / WEIGHTS).is_file():
            return path / WEIGHTS
        raise CheckpointError(
            f"{path}: a directory without {ARTEFACT} or {LAST_CHECKPOINT}; give the run_dir of a "
            "finished or interrupted train.py, or a file."
        )
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file; give a run directory, {ARTEFACT}, a .ckpt, official weights or "
            f"one of ours by name: {', '.join(SHIPPED)}."
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
    return official_spec(file, content, encoder), content


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
    if header is None and (config := file.with_name(CONFIG)).is_file():
        return read_config(config), weights
    if header is None:
        raise CheckpointError(
            f"{file}: a safetensors file without the entry {SPEC_KEY!r}; expected the "
            f"{ARTEFACT} that train.py writes."
        )
    return json.loads(header), weights


def read_config(path: Path) -> dict[str, Any]:
    """The specification in a shared encoder's config.json: plain values, nothing is imported by it.

    Raises:
        CheckpointError: no JSON object, other entries than `CONFIG_KEYS`, or a norm that is none.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: isn't JSON ({error}); download it again.") from error
    if not isinstance(config, dict) or set(config) != set(CONFIG_KEYS):
        said = set(config) if isinstance(config, dict) else set()
        unknown, missing = sorted(said - set(CONFIG_KEYS)), sorted(set(CONFIG_KEYS) - said)
        raise CheckpointError(
            f"{path}: has the unknown entries {unknown} and lacks {missing}; expected "
            f"{', '.join(CONFIG_KEYS)}, as python -m models.hub writes them."
        )
    if not _is_norm(config["norm"]):
        raise CheckpointError(
            f"{path}: norm={config['norm']!r}; expected null or [mean, std] with a positive std."
        )
    if not all(isinstance(config[key], dict) for key in ("arguments", "frontend", "about")):
        raise CheckpointError(f"{path}: arguments, frontend and about must be JSON objects.")
    return config


def _is_norm(norm: Any) -> bool:
    if norm is None:
        return True
    numbers = isinstance(norm, list) and len(norm) == 2
    return numbers and all(type(n) in (int, float) for n in norm) and 0 < norm[1] < float("inf")
