"""Pooling: a feature map of any number of frames becomes one embedding."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor


def mean_max_over_time(frames: Float[Tensor, "B T D"]) -> Float[Tensor, "B D"]:
    """Maximum plus mean over time, BYOL-A's pooling (paper section 3)."""
    return frames.amax(dim=1) + frames.mean(dim=1)


def global_mean(features: Float[Tensor, "B C F T"]) -> Float[Tensor, "B C"]:
    """Mean over frequency and time."""
    return features.mean(dim=(2, 3))


def mel_mean_max(features: Float[Tensor, "B C F T"]) -> Float[Tensor, "B F*C"]:
    """`mean_max_over_time` with the remaining mel bins kept apart: D = F * C, bin by bin."""
    return mean_max_over_time(rearrange(features, "b c f t -> b t (f c)"))
