"""The LightningDataModule of pre-training: recordings -> batches of waveform crops (B, S)."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pytorch_lightning import LightningDataModule, Trainer
from torch import Tensor

from datamodules.batches import EpochBatches
from datamodules.crops import Crops
from datamodules.landmark_file import landmark_path
from datamodules.listening import Audible, listen
from datamodules.loader import ResumableLoader
from datamodules.manifest.recordings import Manifest, read_manifest, scan_folder
from datamodules.shards.crops import ShardCrops, keep_batch
from datamodules.shards.layout import Shards, open_shards

log = logging.getLogger(__name__)

LANDMARK_HOURS = 100
"""Of speech whose landmarks are kept without being asked for: 15 minutes of a processor."""


class Recordings(Audible, Protocol):
    """What a data module knows of its recordings; runs of equal digests draw the same crops."""

    def summary(self, clip_seconds: float) -> str:
        """For the screen."""

    def write(self, folder: Path) -> None:
        """Into a run's folder, what it used and what it couldn't."""


Found = TypeVar("Found", bound=Recordings)
Made = TypeVar("Made", bound=Sized)


class CropData(LightningDataModule, Generic[Found, Made]):
    """Random crops from recordings, however these are kept; knows where it was after a restart.

    Args:
        source: names the data in errors, such as data.root=DIR.
        batch_size: clips a step and process.
        clip_seconds, sample_rate: of a crop; paper: 0.95 s at 16 kHz.
        seed: of order and positions.
        num_workers: decoding processes; "auto" takes the processors, up to 8.
        run_dir: where recordings.csv and unusable.csv go, or None.
        landmarks: whether those of the recordings are kept beside the encoder.
    """

    def __init__(
        self,
        source: str,
        batch_size: int = 256,
        clip_seconds: float = 0.95,
        sample_rate: int = 16_000,
        seed: int = 42,
        num_workers: int | str = "auto",
        run_dir: str | Path | None = None,
        landmarks: bool = True,
    ):
        super().__init__()
        if batch_size < 2:
            raise ValueError(f"data.batch_size={batch_size}: batch norm needs at least 2 clips.")
        if not clip_seconds >= 0.1:
            raise ValueError(f"data.clip_seconds={clip_seconds}: expected at least 0.1 s.")
        self.source, self.batch_size, self.clip_seconds = source, batch_size, clip_seconds
        self.sample_rate, self.seed, self.run_dir = sample_rate, seed, run_dir
        self.num_workers, self.landmarks = worker_count(num_workers), landmarks
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
                f"{self.source}: {len(crops)} usable recordings don't fill one batch of "
                f"{self.batch_size * ranks}; {fewer}."
            )
        if self.run_dir is not None and (self.trainer is None or self.trainer.is_global_zero):
            manifest.write(Path(self.run_dir))
        log.info(manifest.summary(self.clip_seconds))
        self.manifest, self.crops = manifest, crops

    def find(self, trainer: Trainer, resumed: str | None) -> None:
        """Find the recordings before the run leaves anything.

        Args:
            trainer: of the run.
            resumed: the arguments of train.py with which a run goes on; None for a new one.

        Raises:
            ValueError: as `setup`; a run that goes on is told how to name their new place.
        """
        self.trainer = trainer
        self.prepare_data()
        try:
            self.setup()
        except ValueError as error:
            if resumed is None:
                raise
            key = self.source.split("=")[0]
            raise ValueError(
                f"{str(error).rstrip('.')}; if they have moved: python train.py {resumed} {key}=NEW"
            ) from error

    def facts(self) -> dict[str, Any]:
        """What the reader of an encoder should know of the recordings behind it."""
        assert self.manifest is not None
        ranks = self.trainer.world_size if self.trainer else 1
        return {
            "batch_size": self.batch_size * ranks,
            "clip_seconds": self.clip_seconds,
            "recordings": len(self.manifest.recordings),
            "hours": round(self.manifest.seconds / 3600, 3),
            "data_digest": self.manifest.digest,
            "demo": isinstance(self, DemoData),
        }

    def keep_landmarks(self, encoder: Path) -> None:
        """Write the recordings' landmarks beside the encoder; of many hours, say how."""
        if not self.landmarks:
            return
        assert self.manifest is not None
        path, hours = landmark_path(encoder), self.manifest.seconds / 3600
        if hours > LANDMARK_HOURS:
            log.info(
                "landmarks   none of %.0f h, which take a while; when there is time: python -m "
                "datamodules.listening RECORDINGS --out %s",
                hours,
                path,
            )
            return
        about = listen(self.manifest, path)
        log.info("landmarks   %s, %.2f MB", path, path.stat().st_size / 1e6)
        if about.unreadable:
            log.warning("landmarks   %d recordings can't be read any more", len(about.unreadable))

    def train_dataloader(self) -> ResumableLoader:
        assert self.manifest is not None  # `setup` was before
        assert self.crops is not None
        if self._restored_digest not in (None, self.manifest.digest):
            raise ValueError(
                f"{self.source}: its recordings changed since the checkpoint was written, "
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

    Args:
        root: of the tree.
        manifest: CSV file with a column `path` that lists the recordings, instead of the tree.
        arguments: as `CropData`.

    Raises:
        ValueError: neither `root` nor `manifest`.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        manifest: str | Path | None = None,
        **arguments: Any,
    ):
        if root is None and manifest is None:
            raise ValueError("data.root has no value; give data.root=DIR or data.manifest=FILE.")
        source = f"data.root={root}" if manifest is None else f"data.manifest={manifest}"
        super().__init__(source, **arguments)
        self.root, self.listed_in = root, manifest

    def find_recordings(self) -> Manifest:
        if self.listed_in is not None:
            return read_manifest(self.listed_in)
        assert self.root is not None  # checked above
        return scan_folder(self.root)

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
        super().__init__(f"data.root={root}", num_workers=workers, **arguments)
        self.root = root
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
        from datamodules.demo.speech import make_demo_speech

        if self.manifest is None:  # else it is made, and Lightning asks again
            assert self.root is not None  # as above
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
