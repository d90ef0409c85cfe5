"""Random crops of recordings, keyed by seed, epoch and recording: no hidden random state."""

from __future__ import annotations

import logging
import multiprocessing
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from datamodules.audio import AudioError, fit_length, read_segment, resample
from datamodules.manifest import Manifest, Recording

log = logging.getLogger(__name__)

CropKey = tuple[int, int]
"""(epoch, index of the recording)"""


def keyed_generator(*key: int) -> np.random.Generator:
    """The random numbers that belong to a key, whatever was drawn before."""
    return np.random.default_rng(np.random.SeedSequence(key))


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
            log.warning("silence in place of a crop: %s", error)
            return {"waveform": np.zeros(self.samples, np.float32), "unreadable": 1}

    def _crop(self, recording: Recording, generator: np.random.Generator) -> np.ndarray:
        wanted = -(-self.samples * recording.sample_rate // self.sample_rate)
        frames = min(wanted, recording.frames)
        start = int(generator.integers(0, recording.frames - frames, endpoint=True))
        segment = read_segment(self.manifest.root / recording.path, start, frames)
        return fit_length(resample(segment, recording.sample_rate, self.sample_rate), self.samples)


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
            yield [(self.epoch, index) for index in chosen.tolist()]

    def order(self) -> np.ndarray:
        """This rank's items of the epoch, its batches one behind the other."""
        order = keyed_generator(self.seed, 0, self.epoch).permutation(self.recordings)
        batches = order[: len(self) * self.ranks * self.batch_size]
        return batches.reshape(len(self), self.ranks, self.batch_size)[:, self.rank].reshape(-1)


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
            batches = in_threads(self._make, self.batch_sampler, self.threads)
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


def in_background(batches: Iterator, ahead: int) -> Generator:
    """The same batches made by a thread, at most `ahead` of them waiting; its errors come here."""
    waiting: queue.Queue = queue.Queue(ahead)
    stopped = threading.Event()

    def offer(item: object) -> None:
        while not stopped.is_set():
            try:
                return waiting.put(item, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for batch in batches:
                offer((batch, None))
                if stopped.is_set():
                    return
            offer(None)
        except BaseException as error:
            offer((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            batch, error = item
            if error is not None:
                raise error
            yield batch
    finally:
        stopped.set()
        thread.join()


def in_threads(make: Callable[[Any], Any], keys: Iterable, threads: int) -> Generator:
    """What `make` makes of each key, in order, so many at work or waiting at a time."""
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future] = deque()
    try:
        for key in keys:
            waiting.append(pool.submit(make, key))
            if len(waiting) == threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
