"""Which encoders there are: by name, and the classes that a file may choose among."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from models.audio_ntt import AudioNTT
from models.audio_ntt_2022 import AudioNTT2022
from models.cvt import CvT
from models.frontend import LogMel
from models.speech_encoder import Encoder, SpeechEncoder

ARCHITECTURES: dict[str, type[nn.Module]] = {
    "AudioNTT": AudioNTT,
    "AudioNTT2022": AudioNTT2022,
    "CvT": CvT,
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
}
"""The paper's encoders (Table 2), and BYOL-A 2022's behind them."""


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

    Raises:
        ValueError: a class that `ARCHITECTURES` doesn't list.
    """
    if ARCHITECTURES.get(type(encoder).__name__) is not type(encoder):
        raise ValueError(
            f"encoder {type(encoder).__name__}: a checkpoint can only name "
            f"{', '.join(ARCHITECTURES)}; add the class to models.encoders.ARCHITECTURES."
        )
    return {
        "version": 1,
        "name": encoder_name(encoder),
        "architecture": type(encoder).__name__,
        "arguments": encoder.arguments,
        "frontend": frontend.arguments,
    }


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
