"""The files of a published emotion2vec: config.yaml and one .pt, from a folder or the Hub."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Annotated, Any

import torch
import yaml
from annotated_types import Gt
from torch import Tensor

from datamodules.typed_json import Count, Positive, parse
from serab.extractors.emotion2vec.network import Emotion2vecNetwork, Layout

ADVICE = "use one of the Hub's emotion2vec models, such as emotion2vec/emotion2vec_base"
PREFIX = "modality_encoders.AUDIO."
"""In front of all entries but those of `blocks`."""
SCOPES = ("", "d2v_model.")
"""In front of that; emotion2vec+ has the second."""
TERM = re.compile(r"\[\((\d+),(\d+),(\d+)\)\](?:\*(\d+))?")


@dataclass(frozen=True)
class Audio:
    """`model_conf.modalities.audio` of config.yaml: what an embedding hangs on."""

    prenet_depth: Count
    num_extra_tokens: Count
    num_alibi_heads: Positive
    learned_alibi: bool
    learned_alibi_scale_per_layer: bool
    learned_alibi_scale_per_head: bool
    use_alibi_encoder: bool
    conv_pos_depth: Positive
    conv_pos_width: Positive
    conv_pos_groups: Positive
    conv_pos_pre_ln: bool
    extractor_mode: str
    feature_encoder_spec: str


@dataclass(frozen=True)
class Modalities:
    """`model_conf.modalities`."""

    audio: Audio


@dataclass(frozen=True)
class Config:
    """`model_conf` of config.yaml."""

    depth: Positive
    num_heads: Positive
    embed_dim: Positive
    mlp_ratio: Annotated[float, Gt(0)]
    norm_eps: Annotated[float, Gt(0)]
    normalize: bool
    layer_norm_first: bool
    modalities: Modalities


def read_config(folder: Path) -> Config:
    """config.yaml of a folder.

    Raises:
        ValueError: missing, no emotion2vec, or a variant that no published model is.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        raise ValueError(f"{folder}: has no config.yaml; {ADVICE}.")
    try:
        content = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: isn't YAML; {ADVICE}.") from error
    settings = content.get("model_conf") if isinstance(content, dict) else None
    if not isinstance(settings, dict) or content.get("model") != "Emotion2vec":
        raise ValueError(f"{path}: describes no Emotion2vec; {ADVICE}.")
    if isinstance(settings.get("norm_eps"), str):  # YAML reads 1e-05 as text
        settings["norm_eps"] = _number(settings["norm_eps"])
    try:
        text = json.dumps(settings).encode()
    except (TypeError, ValueError) as error:  # a date, a number that is none, itself
        raise ValueError(f"{path}: model_conf holds more than plain values; {ADVICE}.") from error
    config = parse(text, Config, f"{path}: model_conf", ADVICE)
    audio = config.modalities.audio
    expected = (
        ("layer_norm_first", config.layer_norm_first, False),
        ("num_heads", config.num_heads, audio.num_alibi_heads),
        ("extractor_mode", audio.extractor_mode, "layer_norm"),
        ("use_alibi_encoder", audio.use_alibi_encoder, True),
        ("learned_alibi", audio.learned_alibi, False),
        ("conv_pos_pre_ln", audio.conv_pos_pre_ln, False),
    )
    for key, value, published in expected:
        if value != published:
            raise ValueError(
                f"{path}: {key} is {value}, in the published models {published}; {ADVICE}."
            )
    return config


def layout_of(config: Config, path: Path) -> Layout:
    """Sizes of a config's network.

    Raises:
        ValueError: sizes that don't fit together; names `path`.
    """
    audio = config.modalities.audio
    width = max(3, audio.conv_pos_width // audio.conv_pos_depth)
    for name, divisor in (("num_heads", config.num_heads), ("groups", audio.conv_pos_groups)):
        if config.embed_dim % divisor:
            raise ValueError(
                f"{path}: embed_dim {config.embed_dim} isn't a multiple of {name} {divisor}; "
                f"{ADVICE}."
            )
    if width % 2 == 0:
        raise ValueError(f"{path}: kernels of {width} for positions, an even number; {ADVICE}.")
    return Layout(
        _convolutions(audio.feature_encoder_spec, path),
        config.embed_dim,
        config.num_heads,
        config.mlp_ratio,
        config.norm_eps,
        audio.prenet_depth,
        config.depth,
        audio.num_extra_tokens,
        audio.conv_pos_depth,
        width,
        audio.conv_pos_groups,
        (
            audio.prenet_depth + config.depth if audio.learned_alibi_scale_per_layer else 1,
            1,
            config.num_heads if audio.learned_alibi_scale_per_head else 1,
            1,
            1,
        ),
    )


def read_weights(network: Emotion2vecNetwork, folder: Path) -> None:
    """Fill a network from the folder's .pt file; its decoder and classifier are passed over.

    Raises:
        ValueError: not one such file, cut off, holding objects, or of another layout.
    """
    files = sorted(folder.glob("*.pt"))
    if len(files) != 1:
        raise ValueError(f"{folder}: has {len(files)} files *.pt, expected one; {ADVICE}.")
    path = files[0]
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ValueError(
            f"{path}: holds Python objects, which are refused unexecuted, or is damaged; download "
            "it again, or save its tensors alone."
        ) from error
    except Exception as error:  # torch raises half a dozen kinds for a cut file
        raise ValueError(f"{path}: cut off or damaged; download it again.") from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    tensors: dict[str, Any] = content if isinstance(content, dict) else {}
    scope = next((s for s in SCOPES if f"{s}{PREFIX}extra_tokens" in tensors), "")
    state: dict[str, Tensor] = {}
    for name, parameter in network.state_dict().items():
        key = scope + (name if name.startswith("blocks.") else PREFIX + name)
        value = tensors.get(key)
        if not isinstance(value, Tensor) or value.shape != parameter.shape:
            shape = tuple(value.shape) if isinstance(value, Tensor) else "nothing"
            raise ValueError(
                f"{path}: has {shape} as {key}, config.yaml asks for {tuple(parameter.shape)}; the "
                "two files are of different models, download both again."
            )
        state[name] = value.float()
    network.load_state_dict(state)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _convolutions(spec: str, path: Path) -> tuple[tuple[int, int, int], ...]:
    """Of text such as "[(512, 10, 5)] + [(512, 3, 2)] * 4", which others run as Python."""
    found: list[tuple[int, int, int]] = []
    for term in re.sub(r"\s", "", spec).split("+"):
        match = TERM.fullmatch(term)
        numbers = [int(n) for n in match.groups(default="1")] if match else []
        if not match or min(numbers) < 1 or max(numbers) > 4096:
            raise ValueError(
                f"{path}: feature_encoder_spec is {spec[:60]!r}, expected such as "
                f"[(512, 10, 5)] + [(512, 3, 2)] * 4; {ADVICE}."
            )
        channels, kernel, stride, times = numbers
        found += [(channels, kernel, stride)] * min(times, 64)
    return tuple(found)
