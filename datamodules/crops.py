"""Random crops of recordings, keyed by seed, epoch and recording: no hidden random state."""

from __future__ import annotations

import logging

import numpy as np
from torch.utils.data import Dataset

from datamodules.audio import AudioError, fit_length, read_segment, resample
from datamodules.batches import CropKey, keyed_generator
from datamodules.manifest.recordings import Manifest, Recording

log = logging.getLogger(__name__)


class Crops(Dataset):
    """One random crop of a recording: float32 waveforms of one length, at one rate.

    Every position of the crop inside the recording is equally likely, both ends included; a shorter
    recording is centred in zeros. The position depends on (seed, epoch, index) alone, so workers,
    order and restarts don't matter.

    Args:
        manifest: the recordings.
        clip_seconds, sample_rate: of a crop.
        seed: of the positions.
    """

    def __init__(
        self, manifest: Manifest, clip_seconds: float, sample_rate: int = 16_000, seed: int = 42
    ):
        self.manifest, self.sample_rate, self.seed = manifest, sample_rate, seed
        self.samples = round(clip_seconds * sample_rate)
        self.unreadable = 0  # by this process

    def __len__(self) -> int:
        return len(self.manifest.recordings)

    def __getitem__(self, key: CropKey) -> dict[str, np.ndarray | int]:
        """waveform: float32 (samples,); unreadable: 1 where silence stands for a broken file."""
        epoch, index = key
        recording = self.manifest.recordings[index]
        generator = keyed_generator(self.seed, 1, epoch, index)
        try:
            return {"waveform": self._crop(recording, generator), "unreadable": 0}
        except AudioError as error:
            # it passed the check at the start: a run of days shouldn't die of one file
            self.unreadable += 1
            if self.unreadable & (self.unreadable - 1) == 0:  # the 1st, 2nd, 4th, 8th, ...
                log.warning("silence in place of crop %d: %s", self.unreadable, error)
            return {"waveform": np.zeros(self.samples, np.float32), "unreadable": 1}

    def _crop(self, recording: Recording, generator: np.random.Generator) -> np.ndarray:
        needed = -(-self.samples * recording.sample_rate // self.sample_rate)
        frames = min(needed, recording.frames)
        start = int(generator.integers(0, recording.frames - frames, endpoint=True))
        segment = read_segment(self.manifest.root / recording.path, start, frames)
        return fit_length(resample(segment, recording.sample_rate, self.sample_rate), self.samples)
