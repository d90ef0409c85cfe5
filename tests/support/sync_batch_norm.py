"""A double of `nn.SyncBatchNorm` for a CPU, so that two processes can be held against one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from models.compute.distributed import world_size
from models.pretraining import BYOLPretraining


class SyncBatchNorm(_BatchNorm):
    """`nn.SyncBatchNorm` for a CPU, where torch has none; alone it is a plain batch norm."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions, as the norm that it stands for has checked them."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or world_size() == 1:
            return super().forward(x)
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        mean = all_reduce(x.mean(axes)) / world_size()
        centred = x - mean.view(shape)
        variance = all_reduce(centred.square().mean(axes)) / world_size()
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        with torch.no_grad():
            count = x.numel() / x.shape[1] * world_size()
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            unbiased = (variance * count / (count - 1)).to(self.running_var.dtype)
            self.running_var.lerp_(unbiased, self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale.view(shape) + self.bias.view(shape)


class SyncedPretraining(BYOLPretraining):
    """The training module with all of its batch norms replaced: `module._target_=` this class."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        _convert(self)


def _convert(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            synced = SyncBatchNorm(child.num_features, child.eps, child.momentum)
            synced.weight, synced.bias = child.weight, child.bias  # the same parameters
            synced.running_mean, synced.running_var = child.running_mean, child.running_var
            synced.num_batches_tracked = child.num_batches_tracked
            synced.train(child.training)
            setattr(module, name, synced)
        else:
            _convert(child)
