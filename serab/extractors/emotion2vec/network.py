"""The audio encoder of emotion2vec (arXiv 2312.15185), which is that of data2vec 2.0 (2212.07525).

    waveform (1, S) → convolutions (1, T, D), 50 a second → + positions, learnt tokens in front
    → transformer layers, whose attention fades with distance (ALiBi, by a learnt factor)

Modules are named as the entries of the published weights are.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Layout:
    """Sizes of a network.

    Attributes:
        convolutions: (channels, kernel, stride) of each.
        embed_dim, heads, mlp_ratio, norm_eps: of a transformer layer.
        first, second: layers of the context encoder, and behind it.
        tokens: learnt ones in front of the frames.
        position_layers, position_width, position_groups: of the convolutions that give positions.
        scales: shape (layers or 1, 1, heads or 1, 1, 1) of the factors of the fading.
    """

    convolutions: tuple[tuple[int, int, int], ...]
    embed_dim: int
    heads: int
    mlp_ratio: float
    norm_eps: float
    first: int
    second: int
    tokens: int
    position_layers: int
    position_width: int
    position_groups: int
    scales: tuple[int, ...]

    @property
    def shortest(self) -> int:
        """Samples that give one frame."""
        samples, stride = 1, 1
        for _, kernel, step in self.convolutions:
            samples += (kernel - 1) * stride
            stride *= step
        return samples


class Emotion2vecNetwork(nn.Module):
    """Hidden states of a waveform."""

    def __init__(self, layout: Layout):
        super().__init__()
        width, self._layout = layout.embed_dim, layout
        self.local_encoder = nn.ModuleDict({"conv_layers": _convolutions(layout)})
        channels = layout.convolutions[-1][0]
        self.project_features = nn.Sequential(
            Transposed(), nn.LayerNorm(channels), nn.Linear(channels, width)
        )
        self.relative_positional_encoder = _positions(layout)
        self.extra_tokens = nn.Parameter(torch.zeros(1, layout.tokens, width))
        self.alibi_scale = nn.Parameter(torch.ones(layout.scales))
        self.context_encoder = nn.ModuleDict(
            {
                "norm": nn.LayerNorm(width, eps=layout.norm_eps),
                "blocks": nn.ModuleList(Block(layout) for _ in range(layout.first)),
            }
        )
        self.blocks = nn.ModuleList(Block(layout) for _ in range(layout.second))

    def forward(self, waveform: Tensor) -> list[Tensor]:
        """(1, S) to 1 + layers tensors (1, T, D): what enters the first layer, what leaves each."""
        x = waveform[:, None]
        for convolution in self.local_encoder["conv_layers"].children():
            x = convolution(x)
        x = self.project_features(x)
        x = x + self.relative_positional_encoder(x)
        tokens = self._layout.tokens
        fading = F.pad(_distances(x.shape[1], self._layout.heads, x), (tokens, 0, tokens, 0))
        x = torch.cat([self.extra_tokens.expand(len(x), -1, -1), x], dim=1)
        x = self.context_encoder["norm"](x)
        hidden = [x]
        scales = self.alibi_scale.clamp_min(0)
        blocks = [*self.context_encoder["blocks"].children(), *self.blocks]
        for block, scale in zip(blocks, scales.expand(len(blocks), -1, -1, -1, -1), strict=True):
            hidden.append(block(hidden[-1], fading * scale))
        return [state[:, tokens:] for state in hidden]


class Transposed(nn.Module):
    """(B, C, T) to (B, T, C) and back."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


def _convolutions(layout: Layout) -> nn.ModuleList:
    layers, channels = nn.ModuleList(), 1
    for width, kernel, stride in layout.convolutions:
        convolution = nn.Conv1d(channels, width, kernel, stride, bias=False)
        norm = nn.Sequential(Transposed(), nn.LayerNorm(width), Transposed())
        layers.append(nn.Sequential(convolution, nn.Identity(), norm, nn.GELU()))
        channels = width
    return layers


def _positions(layout: Layout) -> nn.Sequential:
    """Convolutions over time whose output stands for where a frame is."""
    width, kernel = layout.embed_dim, layout.position_width
    layers = [
        nn.Sequential(
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=layout.position_groups),
            Transposed(),
            nn.LayerNorm(width, elementwise_affine=False),
            Transposed(),
            nn.GELU(),
        )
        for _ in range(layout.position_layers)
    ]
    return nn.Sequential(Transposed(), *layers, Transposed())


class Block(nn.Module):
    """A transformer layer with its norms behind (post-norm)."""

    def __init__(self, layout: Layout):
        super().__init__()
        width, inner = layout.embed_dim, int(layout.embed_dim * layout.mlp_ratio)
        self.heads = layout.heads
        self.attn = nn.ModuleDict(
            {"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)}
        )
        self.norm1 = nn.LayerNorm(width, eps=layout.norm_eps)
        self.mlp = nn.Sequential(
            OrderedDict(fc1=nn.Linear(width, inner), act=nn.GELU(), fc2=nn.Linear(inner, width))
        )
        self.norm2 = nn.LayerNorm(width, eps=layout.norm_eps)

    def forward(self, x: Tensor, fading: Tensor) -> Tensor:
        """(B, T, D), and what is added to the attention (1, heads, T, T)."""
        projected = self.attn["qkv"](x).unflatten(-1, (3, self.heads, -1))
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(query, key, value, attn_mask=fading)
        x = self.norm1(x + self.attn["proj"](heard.transpose(1, 2).flatten(2)))
        return self.norm2(x + self.mlp(x))


def _distances(frames: int, heads: int, like: Tensor) -> Tensor:
    """ALiBi (arXiv 2108.12409), in both directions: (1, heads, T, T), 0 on the diagonal."""
    steps = torch.arange(frames, device=like.device, dtype=like.dtype)
    slopes = torch.tensor(_slopes(heads), device=like.device, dtype=like.dtype)
    return -(steps[None] - steps[:, None]).abs() * slopes[None, :, None, None]


def _slopes(heads: int) -> list[float]:
    """One a head; for what is no power of two, every other of twice the next smaller power."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    return slopes + (_slopes(2 * power)[::2][: heads - power] if power < heads else [])
