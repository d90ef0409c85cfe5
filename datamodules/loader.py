"""A DataLoader that knows how far it is, so that a run goes on with the next batch."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from typing import Any, Protocol, runtime_checkable

from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.batches import CropKey, EpochBatches
from datamodules.prefetch import in_background, prefetch


@runtime_checkable
class MakesBatches(Protocol):
    """A dataset that makes a batch in one go, which torch asks for by this name too."""

    def __getitems__(self, keys: list[CropKey]) -> dict[str, Tensor]: ...


class ResumableLoader(DataLoader):
    """A DataLoader that knows how many batches of the epoch it has handed out.

    Lightning stores `state_dict` in its checkpoints and hands it back before the first batch.

    Args:
        ahead: batches that a thread of this process makes in advance; for what needs no processes
            because it is reading more than computing.
        threads: that many threads instead, a batch each; for what is waiting more than reading.
    """

    batch_sampler: EpochBatches

    def __init__(self, *args: Any, ahead: int = 0, threads: int = 0, **kwargs: Any):
        self.delivered = 0
        self.ahead, self.threads = ahead, threads
        if kwargs.get("num_workers"):  # the platform's way to start them, also in a joblib worker
            kwargs["multiprocessing_context"] = multiprocessing.get_all_start_methods()[0]
            kwargs["worker_init_fn"] = leave_signals
        super().__init__(*args, **kwargs)

    def __iter__(self) -> Iterator:  # type: ignore[override]  # a generator will do
        self.delivered = self.batch_sampler.skipped()
        batches: Iterator
        if self.threads:
            batches = prefetch(self._make, self.batch_sampler, self.threads, self.threads)
        else:
            batches = super().__iter__()
            if self.ahead and not self.num_workers:
                batches = in_background(batches, self.ahead)
        with closing(batches) if isinstance(batches, Generator) else nullcontext():
            for batch in batches:
                self.delivered += 1
                yield batch

    def _make(self, keys: list[CropKey]) -> dict[str, Tensor]:
        assert isinstance(self.dataset, MakesBatches)
        batch = self.dataset.__getitems__(keys)
        return {k: v.pin_memory() for k, v in batch.items()} if self.pin_memory else batch

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.batch_sampler.epoch, "delivered": self.delivered}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.batch_sampler.skip = (state["epoch"], state["delivered"])


def leave_signals(worker: int) -> None:
    """Ctrl-C and Slurm's SIGTERM reach every process; the main one answers and ends its workers."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
