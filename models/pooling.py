"""Pooling: a feature map of any number of frames becomes one embedding.

Where recordings of several lengths are padded to one batch, `frames` (B,) says how many frames of
each are its own; the others count for nothing.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor


def frame_mask(frames: Int[Tensor, "B"], length: int) -> Bool[Tensor, "B T"]:
    """Which of `length` frames are an utterance's own."""
    return torch.arange(length, device=frames.device) < frames[:, None]


def silence_padding(
    features: Float[Tensor, "B C F T"], frames: Int[Tensor, "B"] | None
) -> Float[Tensor, "B C F T"]:
    """Zeros behind each utterance's own frames: what a convolution finds behind the last one."""
    if frames is None:
        return features
    return features * frame_mask(frames, features.shape[-1])[:, None, None, :]


def mean_max_over_time(
    steps: Float[Tensor, "B T D"], frames: Int[Tensor, "B"] | None = None
) -> Float[Tensor, "B D"]:
    """Maximum plus mean over time, BYOL-A's pooling (paper section 3)."""
    if frames is None:
        return steps.amax(dim=1) + steps.mean(dim=1)
    mask = frame_mask(frames, steps.shape[1])[:, :, None]
    mean = (steps * mask).sum(dim=1) / frames[:, None]
    return steps.masked_fill(~mask, -torch.inf).amax(dim=1) + mean


def global_mean(
    features: Float[Tensor, "B C F T"], frames: Int[Tensor, "B"] | None = None
) -> Float[Tensor, "B C"]:
    """Mean over frequency and time."""
    if frames is None:
        return features.mean(dim=(2, 3))
    total = silence_padding(features, frames).sum(dim=(2, 3))
    return total / (frames[:, None] * features.shape[2])


def mel_mean_max(
    features: Float[Tensor, "B C F T"], frames: Int[Tensor, "B"] | None = None
) -> Float[Tensor, "B F*C"]:
    """`mean_max_over_time` with the remaining mel bins kept apart: D = F * C, bin by bin."""
    return mean_max_over_time(rearrange(features, "b c f t -> b t (f c)"), frames)
