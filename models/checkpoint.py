"""Load and save speech encoders: our artefact, our training checkpoints, the official weights.

The artefact is one safetensors file whose header says everything that an embedding needs: encoder
and arguments, front end, pre-training norm. Nothing in it is executed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.encoders import ENCODERS
from models.files import CheckpointError, check_no_pointer, load_tensors, write_whole
from models.hub_download import CONFIG, WEIGHTS, download, is_repo_id
from models.speech_encoder import SpeechEncoder
from models.weights import SHIPPED
from models.weights.artefact import SPEC_KEY, artefact_bytes, read_artefact
from models.weights.fetching import released_weights
from models.weights.official import official_spec, unwrap
from models.weights.released import RELEASED
from models.weights.specification import build_encoder

ARTEFACT = "encoder.safetensors"
LAST_CHECKPOINT = Path("checkpoints") / "last.ckpt"


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
    weights = {key: value.detach().cpu().contiguous() for key, value in weights.items()}
    spec = {**spec, "norm": list(norm), "about": about or {}}
    return write_whole(Path(path), artefact_bytes(spec, weights))


def load_encoder(
    path: str | Path,
    encoder: str | None = None,
    device: str | torch.device = "cpu",
    trust: str | None = None,
    accept_licence: bool = False,
) -> SpeechEncoder:
    """Load a frozen encoder from whatever holds one.

    Args:
        path: the name of an encoder of ours that comes with the code (`SHIPPED`) or of official
            weights, which are downloaded (`RELEASED`), a run directory, `encoder.safetensors`, a
            training checkpoint, official weights, or what `models.hub` shares: a folder or the
            name of a Hub repository, USER/NAME. A path of that name that is there goes first.
        encoder: the encoder to expect, one of `ENCODERS`. Official CvT weights of 512 and 2,048
            dimensions have the same shapes, so they need it.
        device: to put it on.
        trust: an architecture of your own that the file may name and that is then imported: its
            import path or its package, such as "mypkg.Net" or "mypkg".
        accept_licence: as `models.weights.fetching.released_weights`.

    Raises:
        CheckpointError: nothing there, cut off, holding code, of another encoder, or of a class
            that isn't trusted.
        models.hub_download.UnreachableError: a repository that can't be had.
    """
    if encoder is not None and encoder not in ENCODERS:
        raise CheckpointError(
            f"unknown encoder {encoder!r}: expected one of {', '.join(ENCODERS)}."
        )
    if not Path(path).exists():
        if str(path) in RELEASED:
            encoder = encoder or RELEASED[str(path)].encoder
            path = released_weights(str(path), accept_licence)
        elif is_repo_id(str(path)):
            path = download(str(path))
    file = _find(Path(path) if Path(path).exists() else SHIPPED.get(str(path), Path(path)))
    spec, weights = _read(file, encoder)
    loaded = build_encoder(file, spec, weights, trust)
    if encoder is not None and loaded.name != encoder:
        raise CheckpointError(
            f"{file}: holds {loaded.name} ({loaded.embed_dim} dimensions), not {encoder}; "
            f"use encoder={loaded.name} or another file."
        )
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
            f"one of ours by name: {', '.join(SHIPPED)}; or official ones by theirs: "
            f"{', '.join(RELEASED)}."
        )
    return path


def _read(file: Path, encoder: str | None) -> tuple[Any, dict[str, Any]]:
    """Specification and weights, as yet unchecked; the kind is told by content, not by name."""
    check_no_pointer(file)
    with file.open("rb") as handle:
        start = handle.read(9)
    if start[8:9] == b"{":
        return read_artefact(file)
    content = load_tensors(file)
    if SPEC_KEY in content:
        return content[SPEC_KEY], _weights_in_training(file, content)
    weights = unwrap(file, content)
    return official_spec(file, weights, encoder), weights


def _weights_in_training(file: Path, checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The online encoder's weights in a checkpoint of train.py."""
    prefix = "byol.encoder."
    state = checkpoint.get("state_dict")
    if not isinstance(state, dict):
        raise CheckpointError(
            f"{file}: a checkpoint of train.py without its state_dict; it is damaged, use another."
        )
    return {
        str(key).removeprefix(prefix): value
        for key, value in state.items()
        if str(key).startswith(prefix)
    }
