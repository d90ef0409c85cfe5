"""What each family of transformers models hears: its window, its input, and its valid frames.

A record a family: nothing else knows how a family pads, so an embedding is that of the recording's
own frames. Whisper and AST see padding up to their window, as they did in training; CLAP repeats a
short recording, as its feature extractor does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

WINDOW_SECONDS = 30.0
"""Whisper's window, and the longest part of a recording that any model is given at once."""
FBANK_WINDOW, FBANK_STEP = 400, 160
"""Samples of a Kaldi filter bank at 16 kHz."""


@dataclass(frozen=True)
class Family:
    """How one family is fed and read.

    Attributes:
        encoder: the part of the loaded model that hears.
        shortest: samples of the shortest input that gives a frame.
        frames: (a layer's output, features, samples, model's config) -> valid frames (T, D).
        layers: how many layers the model has.
        window: seconds that it is given at once.
        padding: arguments of the feature extractor.
    """

    encoder: Callable[[Any], nn.Module]
    shortest: Callable[[Any], int]
    frames: Callable[[Tensor, Any, int, Any], Tensor]
    layers: Callable[[Any], int] = lambda config: config.num_hidden_layers
    window: Callable[[Any], float] = lambda features: WINDOW_SECONDS
    padding: tuple[tuple[str, Any], ...] = ()


def receptive_field(config: Any) -> int:
    """Samples that the convolutions in front see for one frame."""
    field, stride = 1, 1
    for kernel, step in zip(config.conv_kernel, config.conv_stride, strict=True):
        field += (kernel - 1) * stride
        stride *= step
    return field


def _whisper_frames(hidden: Tensor, features: Any, samples: int, config: Any) -> Tensor:
    """30 s go in, and the frames of the padding are left out: two mel frames make one."""
    valid = -(-samples // (2 * FBANK_STEP))
    return hidden[0, : max(valid, 1)]


def _masked_frames(hidden: Tensor, features: Any, samples: int, config: Any) -> Tensor:
    return hidden[0][features["attention_mask"][0].bool()]


def _patches(hidden: Tensor, features: Any, samples: int, config: Any) -> Tensor:
    """Mean over frequency of the patches that begin and end in the recording; no class tokens."""
    bands = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
    rows = hidden[0, 2:].unflatten(0, (bands, -1))
    frames = 1 + (samples - FBANK_WINDOW) // FBANK_STEP
    valid = (frames - config.patch_size) // config.time_stride + 1
    return rows[:, : max(valid, 1)].mean(0)


def _positions(hidden: Tensor, features: Any, samples: int, config: Any) -> Tensor:
    """All positions of a stage's map (1, C, ...) or sequence (1, positions, C)."""
    return hidden[0].flatten(1).T if hidden.ndim == 4 else hidden[0]


WAVEFORM = Family(
    encoder=lambda model: model,
    shortest=receptive_field,
    frames=lambda hidden, features, samples, config: hidden[0],
    padding=(("padding", False),),
)
FAMILIES = {
    "wav2vec2": WAVEFORM,
    "hubert": WAVEFORM,
    "wavlm": WAVEFORM,
    "data2vec-audio": WAVEFORM,
    "unispeech": WAVEFORM,
    "unispeech-sat": WAVEFORM,
    "whisper": Family(
        encoder=lambda model: model.get_encoder(),
        shortest=lambda config: 1,
        frames=_whisper_frames,
        layers=lambda config: config.encoder_layers,
    ),
    "wav2vec2-bert": Family(
        encoder=lambda model: model,
        shortest=lambda config: FBANK_WINDOW + FBANK_STEP,
        frames=_masked_frames,
    ),
    "audio-spectrogram-transformer": Family(
        encoder=lambda model: model,
        shortest=lambda config: FBANK_WINDOW,
        frames=_patches,
        window=lambda features: features.max_length * FBANK_STEP / features.sampling_rate,
    ),
    "clap": Family(
        encoder=lambda model: model.audio_model,
        shortest=lambda config: 1,
        frames=_positions,
        layers=lambda config: len(config.audio_config.depths),
        window=lambda features: features.nb_max_samples / features.sampling_rate,
    ),
}
"""Closed vocabulary, by the model's type in its config.json."""
