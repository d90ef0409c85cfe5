"""Shared batch norms are refused where torch has none, before the first step."""

from types import SimpleNamespace

import pytest
import torch

from models.compute.sync_batch_norm import SharedBatchNorm
from tests.support.fits import module


def test_a_cpu_is_refused():
    model = module()
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    model._trainer = SimpleNamespace(strategy=strategy)
    with pytest.raises(
        ValueError, match=r"trainer\.sync_batchnorm=true: torch shares .* GPUs only"
    ):
        SharedBatchNorm().apply(model)
    strategy.root_device = torch.device("cuda")
    norms = [type(part).__name__ for part in SharedBatchNorm().apply(model).byol.modules()]
    assert "SyncBatchNorm" in norms
    assert not {"BatchNorm1d", "BatchNorm2d"} & set(norms)
