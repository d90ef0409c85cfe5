"""BYOL-A 2022's convolutional encoder: two blocks, and what they say stays beside what follows.

Niizumi et al., "BYOL for Audio: Exploring pre-trained general-purpose audio representations",
IEEE/ACM TASLP 2023: local features of the convolutions and global ones of the MLP are
concatenated. Beyond the SERAB paper.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.audio_ntt import conv_blocks, convolve, step_mlp
from models.pooling import mean_max_over_time


class AudioNTT2022(nn.Module):
    """Two conv-norm-pool blocks, an MLP for each time step beside them, maximum + mean over time.

    The module names are those of the official weights (`features.*`, `fc.*`).

    Args:
        embed_dim: width D of the embedding: `channels` x n_mels / 4 of the convolutions, the rest
            of the MLP.
        n_mels: mel bands of the input, a multiple of 4.
        channels: width of the convolutions.
        hidden_dim: width of the MLP's hidden layer.
        dropout: between the two linear layers.

    Raises:
        ValueError: n_mels that two blocks can't halve, or an embedding without room for the MLP.
    """

    min_frames = 4
    """Two halvings in time leave nothing of fewer frames."""

    step_frames = 4
    """Frames of a step; the convolutions of one see 3 more on either side."""

    def __init__(
        self,
        embed_dim: int = 3072,
        n_mels: int = 64,
        channels: int = 64,
        hidden_dim: int = 2048,
        dropout: float = 0.3,
    ):
        super().__init__()
        if n_mels % 4:
            raise ValueError(f"frontend.n_mels={n_mels}: AudioNTT2022 halves it twice, use 64.")
        local_dim = channels * n_mels // 4
        if embed_dim <= local_dim:
            raise ValueError(
                f"encoder.embed_dim={embed_dim}: the convolutions alone give {local_dim}, "
                "expected more, such as 3072."
            )
        self.arguments = {
            "embed_dim": embed_dim,
            "n_mels": n_mels,
            "channels": channels,
            "hidden_dim": hidden_dim,
            "dropout": dropout,
        }
        self.embed_dim = embed_dim
        self.features = conv_blocks(2, channels)
        self.fc = step_mlp(local_dim, hidden_dim, embed_dim - local_dim, dropout)

    def forward(
        self, log_mel: Float[Tensor, "B 1 F T"], frames: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B D"]:
        """Normalised log-mel of at least `min_frames` frames -> embedding.

        `frames`: how many of the T frames are each utterance's own, where shorter ones are padded;
        the embedding is that of the utterance alone.
        """
        steps, frames = self.steps(log_mel, frames)
        return mean_max_over_time(steps, frames)

    def steps(
        self, log_mel: Float[Tensor, "B 1 F T"], frames: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T2 D"], Int[Tensor, "B"] | None]:
        """What `forward` pools: a vector every `step_frames` frames, and how many are own."""
        features, frames = convolve(self.features, log_mel, frames)
        local = rearrange(features, "b c f t -> b t (f c)")
        return torch.cat([local, self.fc(local)], dim=-1), frames
