"""The LightningDataModule of pre-training: recordings -> batches of waveform crops (B, S)."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningDataModule

from datamodules.crops import Crops, EpochBatches, ResumableLoader
from datamodules.manifest import Manifest, scan_folder

log = logging.getLogger(__name__)


class PretrainingData(LightningDataModule):
    """Random crops from a folder tree of recordings (wav, flac, mp3, ogg, opus).

    Args:
        root: of the tree.
        batch_size: clips a step and process.
        clip_seconds, sample_rate: of a crop; paper: 0.95 s at 16 kHz.
        seed: of order and positions.
        num_workers: decoding processes; "auto" takes the processors, up to 8.
        run_dir: where recordings.csv and unusable.csv go, or None.
    """

    def __init__(
        self,
        root: str | Path,
        batch_size: int = 256,
        clip_seconds: float = 0.95,
        sample_rate: int = 16_000,
        seed: int = 42,
        num_workers: int | str = "auto",
        run_dir: str | Path | None = None,
    ):
        super().__init__()
        if batch_size < 2:
            raise ValueError(f"data.batch_size={batch_size}: batch norm needs at least 2 clips.")
        if not clip_seconds >= 0.1:
            raise ValueError(f"data.clip_seconds={clip_seconds}: expected at least 0.1 s.")
        self.root, self.batch_size, self.clip_seconds = Path(root), batch_size, clip_seconds
        self.sample_rate, self.seed, self.run_dir = sample_rate, seed, run_dir
        self.num_workers = worker_count(num_workers)
        self.manifest: Manifest | None = None
        self._restored_digest: str | None = None

    def find_recordings(self) -> Manifest:
        return scan_folder(self.root)

    def setup(self, stage: str | None = None) -> None:
        """Find the recordings, once.

        Raises:
            ValueError: none usable, fewer than a batch, or others than before a restart.
        """
        if self.manifest is not None:
            return
        manifest = self.find_recordings()
        ranks = self.trainer.world_size if self.trainer else 1
        if len(manifest.recordings) < self.batch_size * ranks:
            raise ValueError(
                f"data.root={self.root}: {len(manifest.recordings)} usable recordings don't fill "
                f"one batch of {self.batch_size * ranks}; set data.batch_size="
                f"{max(2, len(manifest.recordings) // ranks)} or lower."
            )
        if self.run_dir is not None and (self.trainer is None or self.trainer.is_global_zero):
            manifest.write(Path(self.run_dir))
        log.info(manifest.summary(self.clip_seconds))
        self.manifest = manifest

    def train_dataloader(self) -> ResumableLoader:
        if self._restored_digest not in (None, self.manifest.digest):
            raise ValueError(
                f"data.root={self.root}: its recordings changed since the checkpoint was written, "
                "so the run can't go on exactly; put them back or start another run_dir."
            )
        rank, ranks = (
            (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        )
        crops = Crops(self.manifest, self.clip_seconds, self.sample_rate, self.seed)
        return ResumableLoader(
            crops,
            batch_sampler=EpochBatches(len(crops), self.batch_size, self.seed, rank, ranks),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=self.trainer is not None
            and self.trainer.strategy.root_device.type == "cuda",
        )

    def state_dict(self) -> dict[str, Any]:
        return {"digest": self.manifest.digest if self.manifest else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored_digest = state_dict["digest"]


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
