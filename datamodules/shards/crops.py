"""Random crops from shards, a batch at a time: positions by a hash, samples in one read each."""

from __future__ import annotations

import os
import resource
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.batches import CropKey
from datamodules.shards.layout import SAMPLE, ShardError, Shards


class ShardCrops(Dataset):
    """Batches of int16 crops; nothing of a recording is read but the crop.

    The kernel is told of all crops of a batch before the first is read, so that a cold disk works
    on them at once: four times as fast as a memory map's page faults (`python benchmarks/crops.py
    --cold`). In memory a map is faster, but either is faster than a step. A read also fails
    cleanly where a map would crash.

    As `datamodules.crops.Crops`, every position inside a recording is equally likely, both ends
    included, a shorter one is centred in zeros, and positions depend on (seed, epoch, item) alone.

    Args:
        shards: opened.
        clip_seconds: of a crop.
        seed: of the positions.
        seconds_per_crop: a recording is one item an epoch, as in the paper; with a number here,
            one item for every so many seconds begun, so that long recordings count as such.
    """

    def __init__(
        self,
        shards: Shards,
        clip_seconds: float,
        seed: int = 42,
        seconds_per_crop: float | None = None,
    ):
        self.shards, self.seed = shards, seed
        self.samples = round(clip_seconds * shards.sample_rate)
        self.item_recording = None
        if seconds_per_crop is not None:
            per_crop = seconds_per_crop * shards.sample_rate
            crops = np.ceil(shards.index[:, 2] / per_crop).astype(np.int64)
            self.item_recording = np.repeat(np.arange(len(crops)), crops)
        self._opened: dict[int, int] = {}

    def __len__(self) -> int:
        items = self.shards.index if self.item_recording is None else self.item_recording
        return len(items)

    def __getitem__(self, key: CropKey) -> dict[str, torch.Tensor]:
        return {name: value[0] for name, value in self.__getitems__([key]).items()}

    def __getitems__(self, keys: list[CropKey]) -> dict[str, torch.Tensor]:
        """waveform: int16 (B, samples); unreadable: zeros (B,), a shard is whole or refused."""
        epoch, items = np.array(keys, np.int64).T
        crops = torch.zeros(len(keys), self.samples, dtype=torch.int16)
        shard, first, length = (part.tolist() for part in self.places(epoch, items))
        rows = []
        for row, samples in zip(crops.numpy(), length, strict=True):
            before = (self.samples - samples) // 2
            rows.append(row[before : before + samples])
        self._fill(rows, shard, first)
        return {"waveform": crops, "unreadable": torch.zeros(len(keys), dtype=torch.uint8)}

    def places(self, epoch: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, ...]:
        """Shard, first sample in it and samples of each crop; all int64 (B,)."""
        recordings = items if self.item_recording is None else self.item_recording[items]
        shard, start, samples = np.array(self.shards.index[recordings]).T
        spare = np.maximum(samples - self.samples, 0)
        first = keyed_position(self.seed, epoch, items, spare) + start
        return shard, first, np.minimum(samples, self.samples)

    def _fill(self, rows: list[np.ndarray], shard: list[int], first: list[int]) -> None:
        """Read into each array of int16 what stands in its shard from its first sample on."""
        reads = [
            (self._open(number), begin * SAMPLE.itemsize, row)
            for number, begin, row in zip(shard, first, rows, strict=True)
        ]
        if hasattr(os, "posix_fadvise"):
            for file, offset, row in reads:
                os.posix_fadvise(file, offset, row.nbytes, os.POSIX_FADV_WILLNEED)
        for number, (file, offset, row) in zip(shard, reads, strict=True):
            if os.preadv(file, [row.data], offset) != row.nbytes:
                end = offset // SAMPLE.itemsize + len(row)
                raise ShardError(
                    f"{self._path(number)}: ends before sample {end}; it changed while it was "
                    "read, run `python -m datamodules.shards verify`."
                )

    def _path(self, number: int) -> str:
        return str(self.shards.root / self.shards.shards[number].name)

    def _open(self, number: int) -> int:
        if number not in self._opened:
            if not self._opened:
                _allow_open_files(len(self.shards.shards) + 256)
            self._opened[number] = os.open(self._path(number), os.O_RDONLY)
        return self._opened[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}}  # a worker opens for itself

    def __del__(self) -> None:
        for file in self.__dict__.get("_opened", {}).values():
            os.close(file)


def keep_batch(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What a loader does with a batch that is one already."""
    return batch


def keyed_position(seed: int, epoch: np.ndarray, item: np.ndarray, last: np.ndarray) -> np.ndarray:
    """A position from 0 to `last`, both included, hashed from (seed, epoch, item); all int64 (B,).

    The hash is the finalizer of SplitMix64 (Steele et al. 2014), once for each part of the key: a
    generator an item would cost more than the crop.
    """
    state = np.full(len(item), seed % 2**64, np.uint64)
    for part in (epoch, item):
        state = _mix(state) + part.astype(np.uint64)
    uniform = (_mix(state) >> np.uint64(11)).astype(np.float64) / 2**53
    return (uniform * (last + 1)).astype(np.int64)


def _mix(state: np.ndarray) -> np.ndarray:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _allow_open_files(files: int) -> None:
    """Shards stay open, and thousands of them pass the usual limit of 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        enough = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
