"""The same encoder, rearranged for inference: what can be done once isn't done for each clip."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def for_inference(encoder: nn.Module) -> nn.Module:
    """A frozen copy whose embeddings equal the encoder's to rounding (1e-5).

    Batch norms are folded into the convolutions in front of them, ReLU comes behind a maximum (of
    a quarter of the values) instead of before it, and convolutions are channels last.

    Raises:
        ValueError: an encoder in training mode, whose norms follow the batch.
    """
    if encoder.training:
        raise ValueError("for_inference: the encoder is in training mode; call eval() first.")
    rearranged = copy.deepcopy(encoder).requires_grad_(False)
    for sequence in [m for m in rearranged.modules() if isinstance(m, nn.Sequential)]:
        for i in range(len(sequence) - 1):
            first, second = sequence[i], sequence[i + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                sequence[i], sequence[i + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
            elif isinstance(first, nn.ReLU) and isinstance(second, nn.MaxPool2d):
                sequence[i], sequence[i + 1] = second, first
    for block in [m for m in rearranged.modules() if hasattr(m, "bn1")]:  # torchvision's names
        for number in (1, 2):
            convolution, norm = (getattr(block, f"{kind}{number}", None) for kind in ("conv", "bn"))
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(block, f"conv{number}", fuse_conv_bn_eval(convolution, norm))
                setattr(block, f"bn{number}", nn.Identity())
    # (torch's stubs don't know `memory_format`)
    return rearranged.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
