"""Convolutional transformer encoder (CvT) for log-mels (paper section 3, Table 2: 1.6, 5.0 M).

Wu et al. 2021, "CvT: Introducing Convolutions to Vision Transformers", with one attention layer a
stage. The block is the one the released encoders were trained with: a norm in front of attention
and MLP that divides by (standard deviation + eps). vit-pytorch's present block divides by
sqrt(variance + eps), so only its depthwise projection is used here. The module names are those of
the official weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from einops import rearrange, repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from models.channel_norm import channel_norm
from models.pooling import frame_mask, global_mean, mel_mean_max, silence_padding

POOLINGS = {"mean": global_mean, "mel_mean_max": mel_mean_max}

KERNELS = (7, 3, 3)
STRIDES = (4, 2, 2)
HEAD_DIM = 64
MLP_RATIO = 4
KV_STRIDE = 2

Frames = Int[Tensor, "B"] | None
"""How many frames of a padded batch are each utterance's own; None where all are."""


def frames_after(convolution: nn.Conv2d, frames: Frames) -> Frames:
    """Own frames behind a strided convolution, padded by half its kernel."""
    if frames is None:
        return None
    padding = convolution.padding[1]
    assert isinstance(padding, int)
    padded = frames + 2 * padding - convolution.kernel_size[1]
    return padded // convolution.stride[1] + 1


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, F, T), dividing by (std + eps)."""

    def __init__(self, channels: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.g = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.b = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Float[Tensor, "B C F T"]) -> Float[Tensor, "B C F T"]:
        if self.training and x.device.type == "cpu" and not torch.compiler.is_compiling():
            return channel_norm(x, self.g, self.b, self.eps)
        # two means: on a CPU and channels last, var_mean over them takes up to twice as long
        centred = x - x.mean(dim=1, keepdim=True)
        variance = centred.square().mean(dim=1, keepdim=True)
        return centred / (_sqrt(variance) + self.eps) * self.g + self.b


def _sqrt(variance: Tensor) -> Tensor:
    # the root of exactly zero (silence, all channels equal) has an infinite gradient
    return torch.where(variance > 0, variance.clamp_min(1e-12).sqrt(), variance)


class PreNorm(nn.Module):
    """`fn(norm(x))`; the residual is added by the stage."""

    def __init__(self, channels: int, fn: nn.Module):
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.fn = fn

    def forward(self, x: Float[Tensor, "B C F T"], *frames: Frames) -> Float[Tensor, "B C F T"]:
        return self.fn(self.norm(x), *frames)


def _float32_on_cpu(x: Tensor) -> AbstractContextManager[Any]:
    """No autocast on a CPU, whose bf16 kernels of what is inside are slow (docs/training.md)."""
    return torch.autocast("cpu", enabled=False) if x.device.type == "cpu" else nullcontext()


def _widened(x: Tensor) -> Tensor:
    return x.float() if x.device.type == "cpu" and x.dtype == torch.bfloat16 else x


def _project(projection: nn.Module, x: Tensor) -> Tensor:
    """vit-pytorch's DepthWiseConv2d: depthwise convolution, batch norm, pointwise convolution."""
    assert isinstance(projection.net, nn.Sequential)
    depthwise, norm, pointwise = projection.net
    with _float32_on_cpu(x):
        x = norm(depthwise(_widened(x)))
    return pointwise(x)


class ConvAttention(nn.Module):
    """Self-attention over all F x T positions; q, k, v come from depthwise convolutions."""

    def __init__(self, channels: int, heads: int, dropout: float):
        super().__init__()
        inner = heads * HEAD_DIM
        self.heads, self.dropout = heads, dropout
        # it imports torchvision, seconds that other encoders need not wait for
        from vit_pytorch.cvt import DepthWiseConv2d

        self.to_q = DepthWiseConv2d(channels, inner, 3, padding=1, stride=1, bias=False)
        self.to_kv = DepthWiseConv2d(
            channels, 2 * inner, 3, padding=1, stride=KV_STRIDE, bias=False
        )
        self.to_out = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.Dropout(dropout))

    def forward(
        self, x: Float[Tensor, "B C F T"], frames: Frames = None
    ) -> Float[Tensor, "B C F T"]:
        x = silence_padding(x, frames)
        keys, values = _project(self.to_kv, x).chunk(2, dim=1)
        q, k, v = (
            # contiguous: else the fused kernel is left for one that keeps all (f t) x (f t) weights
            rearrange(projection, "b (h d) f t -> b h (f t) d", h=self.heads).contiguous()
            for projection in (_project(self.to_q, x), keys, values)
        )
        p = self.dropout if self.training else 0.0
        mask = self._key_mask(frames, keys)
        with _float32_on_cpu(x):
            q, k, v = (_widened(projection) for projection in (q, k, v))
            attended = scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=p)
        return self.to_out(rearrange(attended, "b h (f t) d -> b (h d) f t", f=x.shape[2]))

    def _key_mask(self, frames: Frames, keys: Tensor) -> Bool[Tensor, "B 1 1 N"] | None:
        """Which of the (f t) keys belong to the utterance."""
        key_frames = frames_after(self.to_kv.net[0], frames)
        if key_frames is None:
            return None
        mask = frame_mask(key_frames, keys.shape[3])
        return repeat(mask, "b t -> b 1 1 (f t)", f=keys.shape[2])


class MLP(nn.Module):
    """Two pointwise convolutions with a GELU between them."""

    def __init__(self, channels: int, dropout: float):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, channels * MLP_RATIO, 1),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv2d(channels * MLP_RATIO, channels, 1),
            nn.Dropout(dropout),
        )

    def forward(self, x: Float[Tensor, "B C F T"]) -> Float[Tensor, "B C F T"]:
        return self.net(x)


class Stage(nn.Module):
    """`depth` rounds of attention and MLP, each with its residual."""

    def __init__(self, channels: int, heads: int, depth: int, dropout: float):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    PreNorm(channels, ConvAttention(channels, heads, dropout)),
                    PreNorm(channels, MLP(channels, dropout)),
                ]
            )
            for _ in range(depth)
        )

    def forward(
        self, x: Float[Tensor, "B C F T"], frames: Frames = None
    ) -> Float[Tensor, "B C F T"]:
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleList)
            attention, mlp = layer
            x = attention(x, frames) + x
            x = mlp(x) + x
        return x


class CvT(nn.Module):
    """Three stages of patch-embedding convolution, norm and transformer, then pooling.

    Args:
        stage_dims: channels of the three stages; paper: (64, 128, 256) small, (64, 256, 512) large.
        pooling: "mean" (D = last stage) or "mel_mean_max" (D = last stage x n_mels / 16).
        heads: attention heads of the stages, each 64 wide.
        depth: attention layers a stage.
        n_mels: mel bands of the input, a multiple of 16.
        dropout: in attention and MLP.

    Raises:
        ValueError: unknown pooling, or n_mels that three stages can't divide.
    """

    min_frames = 1
    """The convolutions are padded, so a single frame passes."""

    def __init__(
        self,
        stage_dims: Sequence[int] = (64, 256, 512),
        pooling: str = "mel_mean_max",
        heads: Sequence[int] = (1, 3, 6),
        depth: int = 1,
        n_mels: int = 64,
        dropout: float = 0.0,
    ):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"encoder.pooling={pooling}: expected one of {', '.join(POOLINGS)}.")
        if n_mels % 16:
            raise ValueError(f"frontend.n_mels={n_mels}: CvT divides it by 16, use 64.")
        self.arguments = {
            "stage_dims": list(stage_dims),
            "pooling": pooling,
            "heads": list(heads),
            "depth": depth,
            "n_mels": n_mels,
            "dropout": dropout,
        }
        self.pool = POOLINGS[pooling]
        self.embed_dim = stage_dims[-1] * (n_mels // 16 if pooling == "mel_mean_max" else 1)
        stages, channels = [], 1
        for dim, head_count, kernel, stride in zip(
            stage_dims, heads, KERNELS, STRIDES, strict=True
        ):
            stages.append(
                nn.Sequential(
                    nn.Conv2d(channels, dim, kernel, stride, padding=kernel // 2),
                    ChannelNorm(dim),
                    Stage(dim, head_count, depth, dropout),
                )
            )
            channels = dim
        self.layers = nn.Sequential(*stages)

    def forward(
        self, log_mel: Float[Tensor, "B 1 F T"], frames: Frames = None
    ) -> Float[Tensor, "B D"]:
        """Normalised log-mel of any number of frames -> embedding.

        `frames`: how many of the T frames are each utterance's own, where shorter ones are padded;
        the embedding is that of the utterance alone.
        """
        features = log_mel
        for layer in self.layers:
            assert isinstance(layer, nn.Sequential)
            patches, norm, stage = layer
            assert isinstance(patches, nn.Conv2d)
            features = norm(patches(silence_padding(features, frames)))
            frames = frames_after(patches, frames)
            features = stage(features, frames)
        return self.pool(features, frames)
