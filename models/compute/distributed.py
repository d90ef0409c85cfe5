"""What the processes of a run share: moments, and the buffers that a checkpoint keeps."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

RANK_BUFFERS = "rank_buffers"
"""Key in a checkpoint: every process' own buffers, stacked."""


def world_size() -> int:
    """Number of processes of this run; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@torch.compiler.disable
def mean_over_ranks(values: Tensor) -> Tensor:
    """Mean of the processes' values, elementwise; every process must call it."""
    if world_size() == 1:
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / world_size()


def moments(values: Tensor, shared: bool, unbiased: bool = False) -> tuple[Tensor, Tensor]:
    """Variance and mean of all values; `shared`: of all processes, each with as many."""
    if not shared or world_size() == 1:
        return _moments(values, int(unbiased))
    variance, mean = _moments(values, 0)
    mean_of_all = mean_over_ranks(mean)
    # the variance of the processes' means, by differences: the means are close to each other
    variance = mean_over_ranks(variance + (mean - mean_of_all) ** 2)
    count = values.numel() * world_size()
    return variance * (count / (count - 1) if unbiased else 1), mean_of_all


def _moments(values: Tensor, correction: int) -> tuple[Tensor, Tensor]:
    """Variance and mean; in two passes, since `torch.var_mean` takes ten times as long on a CPU."""
    mean = values.mean()
    return (values - mean).square_().sum() / max(values.numel() - correction, 1), mean


def gather_buffers(module: nn.Module) -> dict[str, Tensor] | None:
    """Every process' buffers, stacked in order of rank (R, ...), on rank 0; None on the others.

    Every process must call it.
    """
    rank, ranks = dist.get_rank(), world_size()
    gathered = {}
    for name, buffer in module.named_buffers():
        buffer = buffer.contiguous()
        if rank == 0:
            parts = [torch.empty_like(buffer) for _ in range(ranks)]
            dist.gather(buffer, parts, dst=0)
            gathered[name] = torch.stack([part.cpu() for part in parts])
        else:
            dist.gather(buffer, dst=0)
    return gathered if rank == 0 else None


@torch.no_grad()
def restore_buffers(module: nn.Module, gathered: dict[str, Tensor]) -> None:
    """Give this process its own buffers of `gather_buffers` back.

    Raises:
        ValueError: they are of another number of processes.
    """
    ranks = len(next(iter(gathered.values())))
    if ranks != world_size():
        raise ValueError(
            f"the checkpoint is of a run of {ranks} processes, this one has {world_size()}; "
            f"continue it with as many (trainer.devices x trainer.num_nodes = {ranks})."
        )
    rank = dist.get_rank() if ranks > 1 else 0
    for name, buffer in module.named_buffers():
        if name in gathered:  # those that aren't saved are made anew
            buffer.copy_(gathered[name][rank])
