"""The X-ARES encoder contract over our encoders: one embedding every 50 ms.

from serab.xares import SpeechFramesEncoder
encoder = SpeechFramesEncoder("runs/demo/train")
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from serab.hear import HOP_MS, get_timestamp_embeddings, load_model


class SpeechFramesEncoder(nn.Module):
    """Embeddings of the 0.95 s around every 50 ms of a recording.

    Args:
        weights: run directory, artefact, training checkpoint or official weights.

    Attributes:
        sampling_rate: Hz of the audio it takes.
        output_dim: D.
        hop_size_in_ms: between two embeddings.
    """

    def __init__(self, weights: str | Path):
        super().__init__()
        self.model = load_model(str(weights))
        self.sampling_rate = self.model.sample_rate
        self.output_dim = self.model.timestamp_embedding_size
        self.hop_size_in_ms = HOP_MS

    def forward(self, audio: Tensor) -> Tensor:
        """float32 (B, T', D) of audio (B, T) in [-1, 1], up to ten minutes."""
        return get_timestamp_embeddings(audio, self.model)[0]
