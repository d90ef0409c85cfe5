"""Which crops make a batch: an order keyed by seed and epoch, shared among ranks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

CropKey = tuple[int, int]
"""(epoch, index of the recording)"""


def keyed_generator(*key: int) -> np.random.Generator:
    """The random numbers that belong to a key, whatever was drawn before."""
    return np.random.default_rng(np.random.SeedSequence(key))


class EpochBatches(Sampler[list[CropKey]]):
    """Batches of crop keys in an order that depends on (seed, epoch) alone, shared among ranks.

    Every epoch visits each recording once; what doesn't fill a last batch on all ranks is left for
    other epochs. After a restart `skip` is (epoch, batches): so many of that epoch are passed over.
    """

    def __init__(self, recordings: int, batch_size: int, seed: int, rank: int = 0, ranks: int = 1):
        self.recordings, self.batch_size, self.seed = recordings, batch_size, seed
        self.rank, self.ranks = rank, ranks
        self.epoch, self.skip = 0, (0, 0)
        self.sampler = self  # Lightning looks here for set_epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def skipped(self) -> int:
        """Batches of this epoch that were delivered before a restart."""
        epoch, batches = self.skip
        return batches if epoch == self.epoch else 0

    def __len__(self) -> int:
        return self.recordings // (self.batch_size * self.ranks)

    def __iter__(self) -> Iterator[list[CropKey]]:
        order = self.order()
        for batch in range(self.skipped(), len(self)):
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [self.key(item) for item in chosen.tolist()]

    def key(self, item: int) -> CropKey:
        """What a dataset is asked for: of its items each has one crop in an epoch."""
        return (self.epoch, item)

    def order(self) -> np.ndarray:
        """This rank's items of the epoch, its batches one behind the other."""
        order = keyed_generator(self.seed, 0, self.epoch).permutation(self.recordings)
        batches = order[: len(self) * self.ranks * self.batch_size]
        return batches.reshape(len(self), self.ranks, self.batch_size)[:, self.rank].reshape(-1)
