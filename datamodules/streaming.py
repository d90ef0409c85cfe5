"""The LightningDataModule of shards that stay in an object store."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

from datamodules.batches import EpochBatches
from datamodules.landmark_file import landmark_path
from datamodules.pretraining import ShardData
from datamodules.shards.crops import ShardCrops
from datamodules.shards.layout import Shards
from datamodules.shards.store import Store, open_store
from datamodules.shards.store_crops import BlockBatches, StoreCrops

log = logging.getLogger(__name__)
CROPS_OF_A_BLOCK = 4
"""From so many on, reading a block takes a store less time than reading the crops."""


class StoreData(ShardData):
    """Random crops from shards in S3, GCS, Azure or on a web server; needs obstore.

    Without `block_seconds` a run is that of `data=shards` on a copy, sample for sample: each crop
    is a ranged read. With it, far fewer and longer reads: for more than one crop of a block, which
    is what `seconds_per_crop` gives.

    Args:
        root: address of the folder, see `datamodules.shards.store.Store`.
        connections: reads at a time.
        threads: batches made at a time.
        block_seconds: of a block, see `datamodules.shards.store_crops`; 256 s are 8 MB at 16 kHz.
        mixed_blocks: blocks whose crops are mixed at a time; half as many more are in memory, and
            those that the batches on their way ask for.
        seconds_per_crop, batch_size, clip_seconds, sample_rate, seed, run_dir: as `ShardData`.
    """

    root: str

    def __init__(
        self,
        root: str,
        connections: int = 256,
        threads: int = 8,
        block_seconds: float | None = None,
        mixed_blocks: int = 64,
        **arguments: Any,
    ):
        super().__init__(root, num_workers=0, **arguments)
        for key, value in {
            "connections": connections,
            "threads": threads,
            "mixed_blocks": mixed_blocks,
        }.items():
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(f"data.{key}={value}: expected a number from 1.")
        if block_seconds is not None and not block_seconds >= self.clip_seconds:
            raise ValueError(
                f"data.block_seconds={block_seconds}: expected at least a clip's "
                f"{self.clip_seconds} s, or null."
            )
        self.root, self.connections, self.threads = root, connections, threads
        self.block_seconds, self.mixed_blocks = block_seconds, mixed_blocks
        self.store: Store | None = None

    def keep_landmarks(self, encoder: Path) -> None:
        """Say how: the store has no names of recordings, and all of it would be read again."""
        log.info(
            "landmarks   none of shards in a store; from a copy of them: python -m "
            "datamodules.listening SHARDS --out %s",
            landmark_path(encoder),
        )

    def open_shards(self) -> Shards:
        self.store = Store(self.root)
        return open_store(self.store)

    def make_crops(self, manifest: Shards) -> StoreCrops:
        assert self.store is not None  # `open_shards` was before
        crops = StoreCrops(
            self.store,
            manifest,
            self.clip_seconds,
            self.seed,
            self.seconds_per_crop,
            self.connections,
            self.block_seconds,
        )
        if self.block_seconds is not None:
            crops.kept_blocks = self._blocks_to_keep(manifest, len(crops), self.block_seconds)
        return crops

    def _blocks_to_keep(self, shards: Shards, crops: int, block_seconds: float) -> int:
        samples = block_seconds * shards.sample_rate
        blocks = sum(math.ceil(shard.samples / samples) for shard in shards.shards)
        if crops < CROPS_OF_A_BLOCK * blocks:
            raise ValueError(
                f"data.block_seconds={block_seconds}: {crops / blocks:.1f} crops from each of "
                f"{blocks} blocks, so that reading crops alone is cheaper; set it to null, or give "
                "data.seconds_per_crop or longer blocks for more crops of each."
            )
        # a block's last crops come late; and each batch on its way asks for new ones
        new = math.ceil(self.batch_size * blocks / crops)
        return round(1.5 * self.mixed_blocks) + self.threads * new

    def make_batches(self, crops: ShardCrops, rank: int, ranks: int) -> EpochBatches:
        if self.block_seconds is None:
            return super().make_batches(crops, rank, ranks)
        assert isinstance(crops, StoreCrops)  # made above
        return BlockBatches(crops, self.mixed_blocks, self.batch_size, self.seed, rank, ranks)
