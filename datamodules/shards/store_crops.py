"""Random crops from a store: one ranged read a crop, or blocks that many crops are cut from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from datamodules.batches import EpochBatches, keyed_generator
from datamodules.shards.crops import ShardCrops
from datamodules.shards.layout import SAMPLE, Shards
from datamodules.shards.store import Store, samples_of


class StoreCrops(ShardCrops):
    """The crops of `ShardCrops`, sample for sample, read from a store over many connections.

    Args:
        store: where the shards are.
        shards: opened there, see `datamodules.shards.store.open_store`.
        connections: reads at a time.
        block_seconds: None reads each crop alone. A number reads blocks of so many seconds, cut
            from the shards wherever crops begin in them, and keeps `kept_blocks` in memory.
        clip_seconds, seed, seconds_per_crop: as `ShardCrops`.
    """

    def __init__(
        self,
        store: Store,
        shards: Shards,
        clip_seconds: float,
        seed: int = 42,
        seconds_per_crop: float | None = None,
        connections: int = 256,
        block_seconds: float | None = None,
        kept_blocks: int = 128,
    ):
        super().__init__(shards, clip_seconds, seed, seconds_per_crop)
        self.store, self.kept_blocks = store, kept_blocks
        self.block_samples = round((block_seconds or 0) * shards.sample_rate)
        self.bytes_read = 0
        self._pool = ThreadPoolExecutor(connections, "store")
        self._blocks: OrderedDict[tuple[int, int], Future] = OrderedDict()
        self._lock = threading.Lock()

    def _fill(self, rows: list[np.ndarray], shard: list[int], first: list[int]) -> None:
        if self.block_samples:
            places = [(s, b // self.block_samples) for s, b in zip(shard, first, strict=True)]
            futures = self._blocks_at(places)
            starts = [b % self.block_samples for b in first]
        else:
            futures = [
                self._pool.submit(self._read, number, begin, len(row))
                for number, begin, row in zip(shard, first, rows, strict=True)
            ]
            starts = [0] * len(first)
        try:
            for row, start, future in zip(rows, starts, futures, strict=True):
                row[:] = future.result()[start : start + len(row)]
        finally:
            for future in futures:
                if not self.block_samples:
                    future.cancel()

    def _blocks_at(self, places: list[tuple[int, int]]) -> list[Future]:
        """The blocks, those that aren't in memory on their way; the least used one leaves."""
        with self._lock:
            for key in dict.fromkeys(places):
                if key not in self._blocks or _failed(self._blocks[key]):
                    number, block = key
                    first = block * self.block_samples
                    # with a crop's length behind it, for crops that begin near its end
                    end = first + self.block_samples + self.samples
                    length = min(end, self.shards.shards[number].samples) - first
                    self._blocks[key] = self._pool.submit(self._read, number, first, length)
                self._blocks.move_to_end(key)
            futures = [self._blocks[key] for key in places]
            while len(self._blocks) > self.kept_blocks:
                self._blocks.popitem(last=False)
        return futures

    def _read(self, number: int, first: int, samples: int) -> np.ndarray:
        size = samples * SAMPLE.itemsize
        content = self.store.read(self.shards.shards[number].name, first * SAMPLE.itemsize, size)
        with self._lock:
            self.bytes_read += size
        return samples_of(content)

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("crops from a store are read by threads; set data.num_workers=0.")


class BlockBatches(EpochBatches):
    """Batches whose crops lie in few blocks at a time, so that each block is read about once.

    Blocks come in a random order. A crop's turn is its block's, moved back by a random share of
    `mixed_blocks` turns: at any time crops of so many blocks are mixed. Each rank has its own part
    of the blocks. As elsewhere, all depends on (seed, epoch) alone.
    """

    def __init__(
        self,
        crops: StoreCrops,
        mixed_blocks: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
    ):
        super().__init__(len(crops), batch_size, seed, rank, ranks)
        self.crops, self.mixed_blocks = crops, mixed_blocks

    def order(self) -> np.ndarray:
        items = np.arange(self.recordings)
        shard, first, _ = self.crops.places(np.full(len(items), self.epoch), items)
        block = first // self.crops.block_samples
        _, block = np.unique(shard * (block.max() + 1) + block, return_inverse=True)
        generator = keyed_generator(self.seed, 2, self.epoch)
        turn = generator.permutation(block.max() + 1)[block]
        by_turn = np.argsort(turn + generator.random(len(items)), kind="stable")
        share = len(self) * self.batch_size
        mine = by_turn[self.rank * share : (self.rank + 1) * share]
        moved = turn[mine] + self.mixed_blocks * generator.random(len(items))[mine]
        return mine[np.argsort(moved, kind="stable")]


def _failed(future: Future) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)
