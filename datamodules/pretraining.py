"""The LightningDataModule of pre-training: recordings -> batches of waveform crops (B, S)."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from pytorch_lightning import LightningDataModule
from torch import Tensor

from datamodules.crops import Crops, EpochBatches, ResumableLoader
from datamodules.manifest import Manifest, read_manifest, scan_folder
from datamodules.shard_crops import ShardCrops, keep_batch
from datamodules.shard_files import Shards, open_shards

log = logging.getLogger(__name__)

Found = TypeVar("Found", Manifest, Shards)
Made = TypeVar("Made", Crops, ShardCrops)


class CropData(LightningDataModule, Generic[Found, Made]):
    """Random crops from recordings, however these are kept; knows where it was after a restart.

    Args:
        root: of the tree.
        batch_size: clips a step and process.
        clip_seconds, sample_rate: of a crop; paper: 0.95 s at 16 kHz.
        seed: of order and positions.
        num_workers: decoding processes; "auto" takes the processors, up to 8.
        run_dir: where recordings.csv and unusable.csv go, or None.
        manifest: CSV file with a column `path` that lists the recordings, instead of the tree.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        batch_size: int = 256,
        clip_seconds: float = 0.95,
        sample_rate: int = 16_000,
        seed: int = 42,
        num_workers: int | str = "auto",
        run_dir: str | Path | None = None,
        manifest: str | Path | None = None,
    ):
        super().__init__()
        if batch_size < 2:
            raise ValueError(f"data.batch_size={batch_size}: batch norm needs at least 2 clips.")
        if not clip_seconds >= 0.1:
            raise ValueError(f"data.clip_seconds={clip_seconds}: expected at least 0.1 s.")
        self.root: str | Path
        if root is not None:
            self.root = Path(root)
        elif manifest is not None:
            self.root = Path(manifest).parent
        else:
            raise ValueError("data.root has no value; give data.root=DIR or data.manifest=FILE.")
        self.batch_size, self.clip_seconds = batch_size, clip_seconds
        self.sample_rate, self.seed, self.run_dir = sample_rate, seed, run_dir
        self.num_workers = worker_count(num_workers)
        self.listed_in = manifest
        self.manifest: Found | None = None
        self.crops: Made | None = None
        self._restored_digest: str | None = None

    collate: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None  # torch's own
    ahead = threads = 0  # the workers are ahead already

    @abstractmethod
    def find_recordings(self) -> Found: ...

    @abstractmethod
    def make_crops(self, manifest: Found) -> Made: ...

    def make_batches(self, crops: Made, rank: int, ranks: int) -> EpochBatches:
        return EpochBatches(len(crops), self.batch_size, self.seed, rank, ranks)

    def setup(self, stage: str | None = None) -> None:
        """Find the recordings, once.

        Raises:
            ValueError: none usable, fewer than a batch, or others than before a restart.
        """
        if self.manifest is not None:
            return
        manifest = self.find_recordings()
        crops = self.make_crops(manifest)
        ranks = self.trainer.world_size if self.trainer else 1
        if len(crops) < self.batch_size * ranks:
            fewer = f"set data.batch_size={len(crops) // ranks} or lower"
            if len(crops) < 2 * ranks:
                fewer = (
                    "an epoch has one crop of each, so few long ones need data=shards with "
                    "data.seconds_per_crop=1 (pack them with python -m datamodules.shards pack)"
                )
            raise ValueError(
                f"data.root={self.root}: {len(crops)} usable recordings don't fill one batch of "
                f"{self.batch_size * ranks}; {fewer}."
            )
        if self.run_dir is not None and (self.trainer is None or self.trainer.is_global_zero):
            manifest.write(Path(self.run_dir))
        log.info(manifest.summary(self.clip_seconds))
        self.manifest, self.crops = manifest, crops

    def train_dataloader(self) -> ResumableLoader:
        assert self.manifest is not None  # `setup` was before
        assert self.crops is not None
        if self._restored_digest not in (None, self.manifest.digest):
            raise ValueError(
                f"data.root={self.root}: its recordings changed since the checkpoint was written, "
                "so the run can't go on exactly; put them back or start another run_dir."
            )
        rank, ranks = (
            (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        )
        return ResumableLoader(
            self.crops,
            batch_sampler=self.make_batches(self.crops, rank, ranks),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=self.collate,
            ahead=self.ahead,
            threads=self.threads,
            pin_memory=self.trainer is not None
            and self.trainer.strategy.root_device.type == "cuda",
        )

    def state_dict(self) -> dict[str, Any]:
        return {"digest": self.manifest.digest if self.manifest else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored_digest = state_dict["digest"]


class PretrainingData(CropData[Manifest, Crops]):
    """Random crops from a folder tree of recordings, in any format of `datamodules.audio`.

    Args: as `CropData`.
    """

    def find_recordings(self) -> Manifest:
        return read_manifest(self.listed_in) if self.listed_in else scan_folder(self.root)

    def make_crops(self, manifest: Manifest) -> Crops:
        return Crops(manifest, self.clip_seconds, self.sample_rate, self.seed)


class ShardData(CropData[Shards, ShardCrops]):
    """Random crops from packed shards, see `datamodules.shards`.

    Args:
        root: folder of the shards.
        seconds_per_crop: None for one crop a recording and epoch, as in the paper; or one for
            every so many seconds begun, so that long recordings count as such.
        num_workers: "auto" is none: a thread reads faster than processes hand over.
        batch_size, clip_seconds, sample_rate, seed, run_dir: as `PretrainingData`.
    """

    collate = staticmethod(keep_batch)
    ahead = 4

    def __init__(
        self,
        root: str | Path,
        seconds_per_crop: float | None = None,
        num_workers: int | str = "auto",
        **arguments: Any,
    ):
        workers = 0 if num_workers == "auto" else num_workers
        super().__init__(root, num_workers=workers, **arguments)
        if seconds_per_crop is not None and not seconds_per_crop > 0:
            raise ValueError(f"data.seconds_per_crop={seconds_per_crop}: expected more than 0 s.")
        self.seconds_per_crop = seconds_per_crop

    def find_recordings(self) -> Shards:
        shards = self.open_shards()
        if shards.sample_rate != self.sample_rate:
            raise ValueError(
                f"data.root={self.root}: shards at {shards.sample_rate} Hz; the front end wants "
                f"{self.sample_rate} Hz, pack them with --sample-rate {self.sample_rate}."
            )
        return shards

    def open_shards(self) -> Shards:
        return open_shards(self.root)

    def make_crops(self, manifest: Shards) -> ShardCrops:
        return ShardCrops(manifest, self.clip_seconds, self.seed, self.seconds_per_crop)


class DemoData(PretrainingData):
    """The offline demo: synthetic emotional speech, made on first use below `root`."""

    def prepare_data(self) -> None:
        from datamodules.demo import make_demo_speech

        make_demo_speech(self.root)


def worker_count(num_workers: int | str) -> int:
    """Number of loader processes for `num_workers`, which may be "auto".

    Raises:
        ValueError: neither a number nor "auto".
    """
    if num_workers == "auto":
        return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)
    if isinstance(num_workers, int) and num_workers >= 0:
        return num_workers
    raise ValueError(f"data.num_workers={num_workers}: expected 'auto' or a number from 0.")
