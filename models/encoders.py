"""Which encoders there are: by name, and the classes that a file may choose among."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import nn

from models.audio_ntt import AudioNTT
from models.audio_ntt_2022 import AudioNTT2022
from models.cvt import CvT
from models.frontend import LogMel
from models.resnetish import ResNetish
from models.speech_encoder import Encoder, SpeechEncoder

ARCHITECTURES: dict[str, type[nn.Module]] = {
    "AudioNTT": AudioNTT,
    "AudioNTT2022": AudioNTT2022,
    "CvT": CvT,
    "ResNetish": ResNetish,
}
"""Closed vocabulary: a file chooses among these, it can't name a class of its own."""

ENCODERS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "audio_ntt_512": (AudioNTT, {"embed_dim": 512}),
    "audio_ntt_1024": (AudioNTT, {"embed_dim": 1024}),
    "audio_ntt_2048": (AudioNTT, {"embed_dim": 2048}),
    "cvt_small": (CvT, {"stage_dims": [64, 128, 256], "pooling": "mean"}),
    "cvt_large_512": (CvT, {"stage_dims": [64, 256, 512], "pooling": "mean"}),
    "cvt_large": (CvT, {"stage_dims": [64, 256, 512], "pooling": "mel_mean_max"}),
    "audio_ntt_2022": (AudioNTT2022, {"embed_dim": 3072}),
    "resnetish34": (ResNetish, {"depths": [3, 4, 6, 3]}),
}
"""The paper's encoders (Table 2), and two of later releases behind them."""

ENCODER_ATTRIBUTES = ("embed_dim", "min_frames", "arguments")
"""Of `models.speech_encoder.Encoder`."""


def encoder_name(encoder: nn.Module) -> str:
    """The name of an encoder in `ENCODERS`, or its class where its arguments are others."""
    for name, (architecture, arguments) in ENCODERS.items():
        if type(encoder) is not architecture or not isinstance(encoder, Encoder):
            continue
        if all(encoder.arguments[key] == value for key, value in arguments.items()):
            return name
    return type(encoder).__name__


def encoder_spec(encoder: nn.Module, frontend: LogMel) -> dict[str, Any]:
    """What rebuilds an encoder without weights: plain numbers and strings.

    One of `ARCHITECTURES` is named by its class, any other by its import path, which is only
    imported again where the reader trusts it (`models.checkpoint.load_encoder`).

    Raises:
        ValueError: a class that can't be imported by a path, lacks an attribute of `Encoder`, or
            has arguments that aren't plain.
    """
    return {
        "version": 1,
        "name": encoder_name(encoder),
        "architecture": _architecture_name(encoder),
        "arguments": encoder.arguments,
        "frontend": frontend.arguments,
    }


def _architecture_name(encoder: nn.Module) -> str:
    architecture = type(encoder)
    if ARCHITECTURES.get(architecture.__name__) is architecture:
        return architecture.__name__
    path = f"{architecture.__module__}.{architecture.__qualname__}"
    if architecture.__module__ == "__main__" or "." in architecture.__qualname__:
        raise ValueError(
            f"encoder {path}: a checkpoint names its class by import path; move the class to the "
            "top level of a module that can be imported."
        )
    missing = [name for name in ENCODER_ATTRIBUTES if not hasattr(encoder, name)]
    if missing:
        raise ValueError(
            f"encoder {path}: lacks {', '.join(missing)}; an encoder has embed_dim (width of its "
            "embedding), min_frames (fewest frames that it takes) and arguments (what its class "
            "was called with, as a dict of plain values)."
        )
    try:
        json.dumps(encoder.arguments, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"encoder {path}: its arguments aren't plain numbers, strings and lists of them "
            f"({error})."
        ) from error
    return path


def random_encoder(name: str, seed: int = 42) -> SpeechEncoder:
    """One of `ENCODERS` with random weights, the control of every comparison.

    Raises:
        ValueError: unknown name.
    """
    if name not in ENCODERS:
        raise ValueError(f"unknown encoder {name!r}: expected one of {', '.join(ENCODERS)}.")
    architecture, arguments = ENCODERS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SpeechEncoder(architecture(**arguments), LogMel(), None, name).eval()
