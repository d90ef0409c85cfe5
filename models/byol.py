"""Bootstrap your own latent: heads, loss and moving average in the letters of the BYOL paper."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Head(nn.Sequential):
    """Linear, batch norm, ReLU, linear: the projector g and the predictor q."""

    def __init__(self, in_dim: int, hidden_dim: int, out_dim: int):
        super().__init__(
            nn.Linear(in_dim, hidden_dim),
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(inplace=True),
            nn.Linear(hidden_dim, out_dim),
        )


def regression_loss(q: Float[Tensor, "B P"], z: Float[Tensor, "B P"]) -> Float[Tensor, "B"]:
    """`2 - 2 cos(q, z)`: squared distance of the normalised vectors (BYOL, equation 2).

    In float32 whatever comes in: near 1 a cosine in bfloat16 has steps of 0.004.
    """
    q, z = q.float(), z.float()
    return 2 - 2 * (normalize(q, dim=-1) * normalize(z, dim=-1)).sum(-1)


class BYOLOutput(NamedTuple):
    """loss: scalar; embedding: (B, D) of the first view, without gradient."""

    loss: Float[Tensor, ""]
    embedding: Float[Tensor, "B D"]


class BYOL(nn.Module):
    """Online network (f, g, q) that predicts the slowly following target network's (f', g').

    Args:
        encoder: f, (B, 1, F, T) -> (B, D), with an attribute `embed_dim`.
        projector_dim, hidden_dim: P and the width of both heads' hidden layer.
        tau: share of itself that the target keeps at each update.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projector_dim: int = 256,
        hidden_dim: int = 4096,
        tau: float = 0.99,
    ):
        super().__init__()
        self.encoder = encoder
        assert isinstance(encoder.embed_dim, int)
        self.projector = Head(encoder.embed_dim, hidden_dim, projector_dim)
        self.predictor = Head(projector_dim, hidden_dim, projector_dim)
        self.target_encoder = deepcopy(self.encoder).requires_grad_(False)
        self.target_projector = deepcopy(self.projector).requires_grad_(False)
        self.tau = tau
        self._pairs: tuple[list[nn.Parameter], list[nn.Parameter]] | None = None

    def forward(self, v: Float[Tensor, "B 1 F T"], v2: Float[Tensor, "B 1 F T"]) -> BYOLOutput:
        """Symmetric loss of two views. Each view has its own batch-norm statistics."""
        y, y2 = self.encoder(v), self.encoder(v2)
        q, q2 = self.predict(y), self.predict(y2)
        with torch.no_grad():
            target_y, target_y2 = self.target_encoder(v), self.target_encoder(v2)
            z, z2 = self.target_projector(target_y), self.target_projector(target_y2)
        loss = (regression_loss(q, z2) + regression_loss(q2, z)).mean()
        return BYOLOutput(loss, y.detach())

    def predict(self, y: Float[Tensor, "B D"]) -> Float[Tensor, "B P"]:
        return self.predictor(self.projector(y))

    @torch.no_grad()
    def update_target(self) -> None:
        """xi <- tau xi + (1 - tau) theta, parameters only: each keeps its batch-norm statistics."""
        if self._pairs is None:  # walking through the modules takes longer than the update
            online = [*self.encoder.parameters(), *self.projector.parameters()]
            target = [*self.target_encoder.parameters(), *self.target_projector.parameters()]
            self._pairs = target, online
        get_ema_multi_avg_fn(self.tau)(*self._pairs, None)

    def _apply(self, *args: Any, **kwargs: Any) -> BYOL:
        self._pairs = None  # moving to another device may make new parameters
        return super()._apply(*args, **kwargs)


def embedding_std(embedding: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """Spread of the directions of a batch: 1 when they fill the sphere, 0 when they collapsed.

    Standard deviation over the batch of the normalised embeddings, averaged over dimensions, times
    sqrt(D) (the measure of SimSiam, Chen & He 2021, section 4.1).
    """
    directions = normalize(embedding.float(), dim=-1)
    return directions.std(dim=0).mean() * embedding.shape[-1] ** 0.5
