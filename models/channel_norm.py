"""CvT's channel norm for a training step on a CPU: one pass forwards, few backwards."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

TINY = 1e-14
"""Variance that keeps a position of equal channels (silence) from dividing by zero."""


class ChannelNormFunction(torch.autograd.Function):
    """`(x - mean) / (std + eps) * g + b` over the last axis; bfloat16 is widened.

    The gradient is written out: autograd's goes over all of x three times as often.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "N C"], g: Float[Tensor, "C"], b: Float[Tensor, "C"], eps: float
    ) -> Float[Tensor, "N C"]:
        x = x.float() if x.dtype == torch.bfloat16 else x
        normed, _, inverse = torch.native_layer_norm(x, x.shape[1:], None, None, TINY)
        std = inverse.reciprocal()
        normed *= std / (std + eps)
        ctx.save_for_backward(normed, std, g)
        ctx.eps = eps
        return torch.addcmul(b, normed, g)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        normed, std, g = ctx.saved_tensors
        (gradient,) = gradients
        gradient = gradient.to(normed.dtype)
        channels = normed.shape[1]
        products = gradient * normed
        mean = (gradient @ g)[:, None] / channels
        slope = (products @ g)[:, None] / channels
        x = (gradient * g).sub_(mean).mul_((std + ctx.eps).reciprocal())
        x.addcmul_(normed, slope / std, value=-1)
        return x, products.sum(dim=0), gradient.sum(dim=0), None


def channel_norm(
    x: Float[Tensor, "B C F T"],
    g: Float[Tensor, "1 C 1 1"],
    b: Float[Tensor, "1 C 1 1"],
    eps: float,
) -> Float[Tensor, "B C F T"]:
    """Norm of each position over its channels, float32, channels last."""
    batch, channels, bands, frames = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(-1, channels)
    normed = ChannelNormFunction.apply(rows, g.flatten(), b.flatten(), eps)
    return normed.view(batch, bands, frames, channels).permute(0, 3, 1, 2)
