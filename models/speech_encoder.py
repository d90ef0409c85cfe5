"""A frozen encoder with its front end and norm: recordings in, embeddings out."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Sequence
from math import isfinite
from numbers import Real
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torchaudio.functional import resample

from models.frontend import LogMel
from models.long_recordings import PIECE, Stepwise, embed_pieces, log_mel_pieces

LOUDEST = 100.0
"""Floats are meant to stay within ±1; the rule of `datamodules.audio`."""

CHANNELS = 8
"""A last axis of so few can't be samples where the other one is longer."""


@runtime_checkable
class Encoder(Protocol):
    """What a module needs beside its forward to be an encoder here.

    Attributes:
        embed_dim: width D of an embedding.
        min_frames: shorter log-mels leave nothing to pool.
        arguments: of its class, plain numbers and strings.
    """

    embed_dim: int
    min_frames: int
    arguments: dict[str, Any]


class SpeechEncoder(nn.Module):
    """Everything between a waveform and its embedding; `models.checkpoint.load_encoder` makes it.

    Attributes:
        name: the paper's name of the encoder, such as "cvt_large".
        embed_dim, min_frames: as `Encoder`.
        sample_rate: Hz of the front end.
        norm: mean and standard deviation of the pre-training log-mels, or None (official weights).
        about: what its artefact says of training data, recipe and versions; {} where nothing is.
    """

    def __init__(
        self,
        encoder: nn.Module,
        frontend: LogMel,
        norm: Sequence[float] | None,
        name: str,
        about: dict[str, Any] | None = None,
    ):
        super().__init__()
        assert isinstance(encoder, Encoder)
        self.about = about or {}
        self.encoder, self.frontend, self.name = encoder, frontend, name
        self.norm = None if norm is None else (float(norm[0]), float(norm[1]))
        self.embed_dim, self.min_frames = encoder.embed_dim, encoder.min_frames
        self.sample_rate = frontend.sample_rate

    @property
    def device(self) -> torch.device:
        return next(self.encoder.parameters()).device

    @property
    def takes_frames(self) -> bool:
        """Whether its encoder can embed utterances of several lengths, padded to one batch."""
        return "frames" in inspect.signature(self.encoder.forward).parameters

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over architecture, front end and weights; the norm is not part of it."""
        parts = [type(self.encoder).__name__, self.encoder.arguments, self.frontend.arguments]
        digest = hashlib.sha256(json.dumps(parts).encode())
        for key, value in sorted(self.encoder.state_dict().items()):
            if not key.endswith("num_batches_tracked"):
                digest.update(key.encode())
                digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def log_mel(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B 1 F T"]:
        """Log-mel, not normalised; a waveform too short for the encoder is zero-padded first."""
        missing = self.min_frames * self.frontend.hop_length - waveform.shape[-1]
        if missing > 0:
            waveform = nn.functional.pad(waveform, (missing // 2, missing - missing // 2))
        if self.frontend.frames(waveform.shape[-1]) > PIECE:
            return log_mel_pieces(self.frontend, waveform)
        return self.frontend(waveform)

    def encode(
        self, log_mel: Float[Tensor, "B 1 F T"], frames: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B D"]:
        """Embedding of a normalised log-mel; `frames` as the encoder takes it, for padded ones."""
        if frames is None and log_mel.shape[-1] > PIECE and isinstance(self.encoder, Stepwise):
            return embed_pieces(self.encoder, log_mel)
        return self.encoder(log_mel) if frames is None else self.encoder(log_mel, frames)

    @torch.no_grad()
    def embed(
        self,
        waveform: Tensor | np.ndarray | str | os.PathLike[str],
        sample_rate: int | None = None,
        norm: tuple[float, float] | None = None,
        channels_last: bool = False,
    ) -> Float[Tensor, "B D"]:
        """Embed recordings of one length, or the recording in a file.

        Memory stays bounded for an hour (the convolutional encoders go piece by piece; CvT attends
        to all of a recording at once, so its time grows with the square of the length).

        Args:
            waveform: (S,) or (B, S), floats in [-1, 1]; or the path of a recording.
            sample_rate: of `waveform`, Hz; resampled where the front end has another. A file says
                its own.
            norm: mean and standard deviation of the log-mels; by default those of pre-training.
            channels_last: `waveform` is one recording, (S, channels) as soundfile gives it; the
                channels are averaged.

        Raises:
            TypeError: a waveform that isn't one of floats (int16 samples), or a sample rate or
                norm that isn't of numbers.
            ValueError: an empty, not finite or far too loud waveform, one that has its channels
                last, a sample rate that isn't a whole number above 0, a norm whose std isn't above
                0, or no norm at all; a file that can't be read (`datamodules.audio.AudioError`).
        """
        if isinstance(waveform, str | os.PathLike):
            waveform, sample_rate = _read(waveform, sample_rate)
        sample_rate = _checked_rate(sample_rate)
        norm = self.norm if norm is None else _checked_norm(norm)
        if norm is None:
            raise ValueError(
                f"{self.name}: these weights come without normalisation statistics; give "
                "norm=(mean, std) of your log-mels (serab.extractors fits them on a corpus)."
            )
        audio = _recordings(_floats(waveform), channels_last).to(self.device, torch.float32)
        if sample_rate != self.sample_rate:
            audio = resample(audio, sample_rate, self.sample_rate)
        mean, std = norm
        return self.encode((self.log_mel(audio) - mean) / std)


def _read(path: str | os.PathLike[str], sample_rate: int | None) -> tuple[np.ndarray, int]:
    from datamodules.audio import read_audio

    waveform, rate = read_audio(os.fspath(path))
    if sample_rate is not None and sample_rate != rate:
        raise ValueError(
            f"sample_rate={sample_rate!r}: {os.fspath(path)} has {rate} Hz; leave sample_rate out, "
            "a file says its own."
        )
    return waveform, rate


def _recordings(audio: Tensor, channels_last: bool) -> Float[Tensor, "B S"]:
    """Samples of one or more recordings, checked."""
    shape = tuple(audio.shape)
    if channels_last and audio.ndim == 2:
        audio = audio.mean(dim=1)
    elif audio.ndim == 2 and shape[1] <= CHANNELS < shape[0]:
        raise ValueError(
            f"waveform has shape {shape}: as (batch, samples) that is {shape[0]:,} recordings of "
            f"{shape[1]} samples; for channels last, as soundfile gives them, average them "
            "(waveform.mean(axis=1)), transpose, or say channels_last=True."
        )
    if audio.ndim not in (1, 2) or audio.shape[-1] == 0:
        raise ValueError(
            f"waveform has shape {shape}: expected (samples,) or (batch, samples), with at least "
            "one sample."
        )
    if not torch.isfinite(audio).all():
        raise ValueError("waveform holds NaN or infinite samples; check the recording.")
    if audio.numel() and (loudest := float(audio.abs().max())) > LOUDEST:
        raise ValueError(
            f"waveform holds samples up to {loudest:.3g}: expected floats in [-1, 1]; scale it "
            "down (divide 16-bit samples by 32768)."
        )
    return torch.atleast_2d(audio)


def _floats(waveform: Any) -> Tensor:
    try:
        samples = torch.as_tensor(waveform)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = type(waveform).__name__
        raise TypeError(
            f"waveform is of type {kind}: expected a tensor or an array of samples, (samples,) or "
            "(batch, samples), or the path of a recording."
        ) from error
    if not samples.is_floating_point():
        raise TypeError(
            f"waveform holds {str(samples.dtype).removeprefix('torch.')}: expected floats in "
            "[-1, 1]; divide 16-bit samples by 32768."
        )
    return samples


def _checked_rate(sample_rate: Any) -> int:
    complaint = (
        f"sample_rate={sample_rate!r}: expected a whole number of Hz above 0, such as 16000."
    )
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, Real):
        raise TypeError(complaint)
    hertz = float(sample_rate)
    if not (hertz > 0 and hertz.is_integer()):
        raise ValueError(complaint)
    return int(hertz)


def _checked_norm(norm: Any) -> tuple[float, float]:
    complaint = f"norm={norm!r}: expected (mean, std) of the log-mels, finite and std above 0."
    try:
        mean, std = (float(number) for number in norm)
    except (TypeError, ValueError) as error:
        raise TypeError(complaint) from error
    if not (isfinite(mean) and isfinite(std) and std > 0):
        raise ValueError(complaint)
    return mean, std
