"""BYOL beside the regression of descriptors, after hybrid BYOL-S (Elbanna et al., HEAR 2021)."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from models.byol import BYOLOutput, regression_loss
from models.hybrid.descriptors import NAMES, Descriptors
from models.hybrid.perturb import Perturb
from models.hybrid.regression import DescriptorHead
from models.pretraining import BYOLPretraining
from models.training.lightning_internals import is_logged


class HybridPretraining(BYOLPretraining):
    """One pass of the online encoder serves two losses.

    The embedding of the clip as it is predicts the target network's projection of an augmented
    view, and a linear head reads the clip's descriptors off it. BYOL's symmetric loss has two
    passes of each network, this one has one. Logs `descriptor_loss`, without its weight.

    Args:
        descriptor_weight: of the regression beside the bootstrap loss.
        bootstrap: without it the regression is alone.
        perturb: of waveforms, before anything else, or None.
        arguments: as `BYOLPretraining`; `views` gives the clip and a view (`PlainAndView`).
    """

    def __init__(
        self,
        *,
        descriptor_weight: float = 4.0,
        bootstrap: bool = True,
        perturb: Perturb | None = None,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        self.descriptor_weight, self.bootstrap, self.perturb = descriptor_weight, bootstrap, perturb
        self.descriptors = Descriptors(self.frontend.sample_rate)
        width = self.byol.encoder.embed_dim
        assert isinstance(width, int)
        self.descriptor_head = DescriptorHead(width, len(NAMES))
        for unused in () if bootstrap else (self.byol.projector, self.byol.predictor):
            unused.requires_grad_(False)  # several processes would wait for its gradient

    def step(self, waveform: Float[Tensor, "B S"]) -> BYOLOutput:
        if self.perturb is not None:
            waveform = self.perturb(waveform)
        views, _ = self._parts
        plain, view = views(self.frontend.of_crops(waveform))
        embedding = self.byol.encoder(plain)
        regression = self.descriptor_head(embedding, self.descriptors(waveform))
        loss = self.descriptor_weight * regression
        if self.bootstrap:
            with torch.no_grad():
                target = self.byol.target_projector(self.byol.target_encoder(view))
            loss = loss + regression_loss(self.byol.predict(embedding), target).mean()
        if is_logged(self.trainer):
            self.log("descriptor_loss", regression.detach(), sync_dist=True)
        return BYOLOutput(loss, embedding.detach())
