"""Descriptors from an embedding: standardised targets, a linear head, a robust loss."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

LIMIT = 5.0
"""Standardised targets are cut there: a clip of silence shouldn't outweigh a batch."""
EPS = 1e-5


class RunningColumns(nn.Module):
    """Standardise each column by its mean and deviation over all rows seen so far, in training.

    They merge exactly (Chan et al. 1979). Constant columns become 0. Each process has its own.
    """

    rows: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, columns: int):
        super().__init__()
        self.register_buffer("rows", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("variance", torch.zeros(columns))

    @torch.no_grad()
    def forward(self, values: Float[Tensor, "B N"]) -> Float[Tensor, "B N"]:
        if self.training:
            variance, mean = torch.var_mean(values, 0, correction=0)
            rows = self.rows + len(values)
            share = len(values) / rows
            delta = mean - self.mean
            self.variance += share * (variance - self.variance) + share * (1 - share) * delta**2
            self.mean += share * delta
            self.rows.copy_(rows)
        deviation = self.variance.sqrt()
        standardised = (values - self.mean) / deviation.clamp_min(EPS)
        return torch.where(deviation > EPS, standardised, 0.0).clamp(-LIMIT, LIMIT)


class DescriptorHead(nn.Module):
    """Embedding -> standardised descriptors, linearly: what it reads is what a classifier can read.

    Args:
        embed_dim: D.
        descriptors: N.
    """

    def __init__(self, embed_dim: int, descriptors: int):
        super().__init__()
        self.standardise = RunningColumns(descriptors)
        self.linear = nn.Linear(embed_dim, descriptors)

    def forward(
        self, embedding: Float[Tensor, "B D"], descriptors: Float[Tensor, "B N"]
    ) -> Float[Tensor, ""]:
        """Mean smooth L1 distance to the standardised descriptors."""
        return smooth_l1_loss(self.linear(embedding).float(), self.standardise(descriptors))
