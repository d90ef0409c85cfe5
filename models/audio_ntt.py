"""AudioNTT2020, BYOL-A's convolutional encoder (paper section 3, Table 2: 0.6, 1.6, 5.3 M)."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.pooling import mean_max_over_time, silence_padding


class AudioNTT(nn.Module):
    """Three conv-norm-pool blocks, then an MLP for each time step, then maximum + mean over time.

    The module names are those of the official weights (`features.*`, `fc.*`).

    Args:
        embed_dim: width D of the embedding; the paper has 512, 1024 and 2048.
        n_mels: mel bands of the input, a multiple of 8.
        channels: width of the convolutions.
        dropout: between the two linear layers.
    """

    min_frames = 8
    """Three halvings in time leave nothing of fewer frames."""

    step_frames = 8
    """Frames of a step; the convolutions of one see 7 more on either side."""

    def __init__(
        self, embed_dim: int = 2048, n_mels: int = 64, channels: int = 64, dropout: float = 0.3
    ):
        super().__init__()
        if n_mels % 8:
            raise ValueError(f"frontend.n_mels={n_mels}: AudioNTT halves it thrice, use 64.")
        self.arguments = {
            "embed_dim": embed_dim,
            "n_mels": n_mels,
            "channels": channels,
            "dropout": dropout,
        }
        self.embed_dim = embed_dim
        self.features = conv_blocks(3, channels)
        self.fc = step_mlp(channels * n_mels // 8, embed_dim, embed_dim, dropout)

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
        return self.fc(rearrange(features, "b c f t -> b t (f c)")), frames


def conv_blocks(blocks: int, channels: int) -> nn.Sequential:
    """Blocks of convolution, batch norm, ReLU and a maximum over 2 x 2."""
    layers: list[nn.Module] = []
    for in_channels in [1, *[channels] * (blocks - 1)]:
        layers += [
            nn.Conv2d(in_channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers)


def step_mlp(in_dim: int, hidden_dim: int, out_dim: int, dropout: float) -> nn.Sequential:
    """Two linear layers for each time step."""
    return nn.Sequential(
        nn.Linear(in_dim, hidden_dim),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden_dim, out_dim),
        nn.ReLU(),
    )


def convolve(
    layers: nn.Sequential, log_mel: Float[Tensor, "B 1 F T"], frames: Int[Tensor, "B"] | None
) -> tuple[Float[Tensor, "B C F2 T2"], Int[Tensor, "B"] | None]:
    """Features of `conv_blocks`, and how many of their frames are each utterance's own.

    ReLU comes behind the maximum, where it has a quarter of the values: the same features and
    gradients to the bit, since it is monotonic.
    """
    features = log_mel
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            continue
        if frames is not None and isinstance(layer, nn.Conv2d):
            features = silence_padding(features, frames)
        features = layer(features)
        if isinstance(layer, nn.MaxPool2d):
            features = features.relu_()
            frames = None if frames is None else frames // 2
    return features, frames
