"""The HEAR API over our encoders: `load_model`, scene embeddings, timestamp embeddings.

    hear-validator serab.hear -m runs/demo/train

A recording's embedding comes from that recording and the artefact alone. Official weights hold no
normalisation statistics: with them a recording is normalised by its own log-mel.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from models.checkpoint import load_encoder
from models.speech_encoder import SpeechEncoder

WINDOW_SECONDS = 0.95
"""Around a timestamp: the length of a pre-training crop."""
HOP_MS = 50.0
"""Between timestamps; HEAR's events are scored with a tolerance of 50 ms."""
WINDOWS_AT_ONCE = 64


class HearModel(nn.Module):
    """What HEAR asks of a model, around a frozen encoder.

    Attributes:
        sample_rate: Hz of the audio it takes.
        scene_embedding_size, timestamp_embedding_size: D.
    """

    norm: Tensor

    def __init__(self, encoder: SpeechEncoder):
        super().__init__()
        self.encoder = encoder
        self.sample_rate = encoder.sample_rate
        self.scene_embedding_size = self.timestamp_embedding_size = encoder.embed_dim
        norm = torch.tensor(encoder.norm or (), dtype=torch.float32)
        self.register_buffer("norm", norm)  # mean and std; empty with official weights

    def normalised(self, audio: Tensor) -> Tensor:
        """Log-mel (n, 1, F, T) of audio (n, samples), as the encoder wants it."""
        log_mel = self.encoder.log_mel(audio)
        if len(self.norm):
            mean, std = self.norm
        else:
            std, mean = torch.std_mean(log_mel, dim=(1, 2, 3), keepdim=True)
            std = std.clamp_min(1e-5)  # silence
        return (log_mel - mean) / std

    @torch.no_grad()
    def forward(self, audio: Tensor) -> Tensor:
        """Scene embeddings (n, D) of audio (n, samples)."""
        return self.encoder.encode(self.normalised(audio))


def load_model(model_file_path: str = "") -> HearModel:
    """Load an encoder for HEAR.

    Args:
        model_file_path: run directory, artefact, training checkpoint or official weights.

    Raises:
        ValueError: no path; there are no weights to fall back on.
        models.files.CheckpointError: see `models.checkpoint.load_encoder`.
    """
    if not model_file_path:
        raise ValueError(
            "serab.hear comes without weights: give a run directory of train.py, its "
            "encoder.safetensors or official weights (extractor.weights=FILE)."
        )
    return HearModel(load_encoder(model_file_path)).eval()


def get_scene_embeddings(audio: Tensor, model: HearModel) -> Tensor:
    """One embedding a recording.

    Args:
        audio: (n, samples) in [-1, 1] at `model.sample_rate`.
        model: from `load_model`.

    Returns:
        float32 (n, D), on the device of `model`.
    """
    return torch.cat([model(recording[None]) for recording in _checked(audio, model)])


@torch.no_grad()
def get_timestamp_embeddings(audio: Tensor, model: HearModel) -> tuple[Tensor, Tensor]:
    """Embeddings of the 0.95 s around evenly spaced moments.

    Args:
        audio: (n, samples) in [-1, 1] at `model.sample_rate`.
        model: from `load_model`.

    Returns:
        float32 (n, T, D) and the moments in ms, float32 (n, T): 0, 50, 100, ... up to the end.
    """
    audio = _checked(audio, model)
    moments = int(audio.shape[1] / model.sample_rate * 1000 / HOP_MS) + 1
    embeddings = torch.stack(
        [torch.cat(list(_windows(recording, moments, model))) for recording in audio]
    )
    timestamps = HOP_MS * torch.arange(moments, dtype=torch.float32, device=embeddings.device)
    return embeddings, timestamps.expand(len(audio), -1).contiguous()


def _windows(audio: Tensor, moments: int, model: HearModel) -> Iterator[Tensor]:
    """Embeddings of the windows of one recording (samples,), some at a time to bound memory."""
    frontend = model.encoder.frontend
    # windows are cut from the log-mel of the whole recording: each frame is computed once
    log_mel = model.normalised(audio[None])[0]  # (1, F, frames)
    width = frontend.frames(round(WINDOW_SECONDS * model.sample_rate))
    silence = log_mel.amin()
    padded = nn.functional.pad(log_mel, (width // 2, width), value=float(silence))
    hop = HOP_MS / 1000 * model.sample_rate / frontend.hop_length  # frames, maybe not whole
    starts = [round(i * hop) for i in range(moments)]
    for first in range(0, moments, WINDOWS_AT_ONCE):
        some = starts[first : first + WINDOWS_AT_ONCE]
        windows = torch.stack([padded[:, :, start : start + width] for start in some])
        yield model.encoder.encode(windows)


def _checked(audio: Tensor, model: HearModel) -> Tensor:
    if audio.ndim != 2 or audio.shape[1] == 0:
        raise ValueError(
            f"audio has shape {tuple(audio.shape)}: expected (n, samples), at least one sample."
        )
    if not torch.isfinite(audio).all():
        raise ValueError("audio holds NaN or infinite samples; check the recordings.")
    return audio.to(model.encoder.device, torch.float32)
