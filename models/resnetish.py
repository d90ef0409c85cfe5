"""ResNetish-34, an encoder of the released BYOL-S: a ResNet-34 over log-mels (beyond the paper).

Hershey et al. 2017, "CNN architectures for large-scale audio classification": a ResNet whose first
convolution has no stride, as log-mels are smaller than pictures. There is no classifier: the
remaining mel bins are kept apart and pooled over time as in BYOL-A. The module names are those of
the released weights.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from models.cvt import Frames, frames_after
from models.pooling import mel_mean_max, silence_padding

STRIDES = (1, 2, 2, 2)


class Block(nn.Module):
    """Two 3 x 3 convolutions and a residual, projected where size or channels change."""

    def __init__(self, in_channels: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(
        self, x: Float[Tensor, "B C F T"], frames: Frames = None
    ) -> tuple[Float[Tensor, "B C2 F2 T2"], Frames]:
        """Features, and how many of their frames are each utterance's own."""
        x = silence_padding(x, frames)
        residual = x if self.downsample is None else self.downsample(x)
        frames = frames_after(self.conv1, frames)
        x = relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(silence_padding(x, frames)))
        return relu(x + residual), frames


class ResNetish(nn.Module):
    """A convolution, a maximum over 3 x 3, four stages of blocks, maximum + mean over time.

    Args:
        depths: blocks of the four stages; a ResNet-34 has (3, 4, 6, 3).
        channels: of the first stage; each further one has twice as many.
        n_mels: mel bands of the input, a multiple of 16.

    Raises:
        ValueError: n_mels that four halvings can't divide.
    """

    min_frames = 1
    """The convolutions are padded, so a single frame passes."""

    def __init__(self, depths: Sequence[int] = (3, 4, 6, 3), channels: int = 64, n_mels: int = 64):
        super().__init__()
        if n_mels % 16:
            raise ValueError(f"frontend.n_mels={n_mels}: ResNetish divides it by 16, use 64.")
        self.arguments = {"depths": list(depths), "channels": channels, "n_mels": n_mels}
        self.conv1 = nn.Conv2d(1, channels, 7, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        widths = [channels * 2**stage for stage in range(4)]
        stages = [
            _stage(before, width, depth, stride)
            for before, width, depth, stride in zip(
                [channels, *widths], widths, depths, STRIDES, strict=False
            )
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.embed_dim = widths[-1] * n_mels // 16
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(
        self, log_mel: Float[Tensor, "B 1 F T"], frames: Frames = None
    ) -> Float[Tensor, "B D"]:
        """Normalised log-mel of any number of frames -> embedding.

        `frames`: how many of the T frames are each utterance's own, where shorter ones are padded;
        the embedding is that of the utterance alone.
        """
        x = relu(self.bn1(self.conv1(silence_padding(log_mel, frames))))
        # nothing is below 0 here, so zeros in the padding leave each maximum as it is
        x = max_pool2d(silence_padding(x, frames), 3, stride=2, padding=1)
        frames = None if frames is None else (frames - 1) // 2 + 1
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in stage:
                x, frames = block(x, frames)
        return mel_mean_max(x, frames)


def _stage(in_channels: int, channels: int, depth: int, stride: int) -> nn.Sequential:
    blocks = [Block(in_channels, channels, stride)]
    blocks += [Block(channels, channels, 1) for _ in range(depth - 1)]
    return nn.Sequential(*blocks)
