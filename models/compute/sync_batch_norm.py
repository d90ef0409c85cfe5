"""Batch norm over the batches of all processes, which torch has for GPUs alone."""

from __future__ import annotations

from pytorch_lightning import LightningModule
from pytorch_lightning.plugins.layer_sync import TorchSyncBatchNorm
from torch import nn


class SharedBatchNorm(TorchSyncBatchNorm):
    """Lightning's plugin for `trainer.sync_batchnorm=true`, which refuses a CPU before a step.

    Raises:
        ValueError: several processes on a CPU.
    """

    def apply(self, model: nn.Module) -> nn.Module:
        assert isinstance(model, LightningModule)
        if model.trainer.strategy.root_device.type == "cpu":
            raise ValueError(
                "trainer.sync_batchnorm=true: torch shares batch norms among GPUs only; leave it "
                "out, or set trainer.accelerator=gpu."
            )
        return super().apply(model)
