"""Random crops of 0.95 s from the same recordings: shards, files, and streaming engines.

    python benchmarks/crops.py [--recordings 2000] [--engines]    crops a second, side by side
    python benchmarks/crops.py --cold                             not in memory yet (as root)
    python benchmarks/crops.py --tiny 200000                      many tiny recordings

The recordings are 10-s clips of noise at 16 kHz. Rounds are interleaved; medians are printed. Files
are read by `datamodules.crops` (seek, decode the crop only), engines as their users do: shuffled,
the whole clip decoded, then cropped. --engines needs webdataset and litdata.
"""

from __future__ import annotations

import argparse
import io
import mmap
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import soundfile as sf

from datamodules.manifest.recordings import scan_folder
from datamodules.pretraining import CropData, PretrainingData, ShardData
from datamodules.shards.crops import ShardCrops
from datamodules.shards.layout import open_shards
from datamodules.shards.packing import pack

RATE, CLIP, SECONDS = 16_000, 15_200, 10
BATCH = 256


def make_recordings(folder: Path, count: int) -> None:
    generator = np.random.default_rng(0)
    for suffix in ("wav", "flac"):
        (folder / suffix).mkdir(parents=True)
    for i in range(count):
        clip = (3000 * generator.normal(size=RATE * SECONDS)).astype(np.int16)
        for suffix in ("wav", "flac"):
            sf.write(folder / suffix / f"{i:06d}.{suffix}", clip, RATE, "PCM_16")


def from_loader(data: CropData) -> Callable[[], Iterator[int]]:
    data.setup()
    loader = data.train_dataloader()  # one, so that its processes stay

    def batches() -> Iterator[int]:
        for epoch in range(1_000):
            loader.batch_sampler.set_epoch(epoch)
            for batch in loader:
                yield len(batch["waveform"])

    return batches


def crop(clip: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    start = generator.integers(0, len(clip) - CLIP, endpoint=True)
    return clip[start : start + CLIP]


def webdataset_of(folder: Path) -> Callable[[], Iterator[int]]:
    import webdataset as wds

    out = folder / "tars"
    out.mkdir()
    files = sorted((folder / "flac").iterdir())
    for number in range(0, len(files), 100):
        with tarfile.open(out / f"{number:06d}.tar", "w") as tar:
            for path in files[number : number + 100]:
                tar.add(path, path.name)
    urls = [str(path) for path in sorted(out.iterdir())]

    def batches() -> Iterator[int]:
        generator = np.random.default_rng(0)
        clips = wds.WebDataset(urls, shardshuffle=len(urls), empty_check=False).repeat()
        clips = clips.shuffle(200).to_tuple("flac")
        while True:
            for done, (content,) in enumerate(clips, 1):
                crop(sf.read(io.BytesIO(content), dtype="int16")[0], generator)
                if done % BATCH == 0:
                    yield BATCH

    return batches


class ReadClip:
    """What litdata's `optimize` calls; a class at the top, so that its processes find it."""

    def __call__(self, path: str) -> dict[str, np.ndarray]:
        return {"clip": sf.read(path, dtype="int16")[0]}


def litdata_of(folder: Path) -> Callable[[], Iterator[int]]:
    import litdata

    files = [str(path) for path in sorted((folder / "wav").iterdir())]
    litdata.optimize(
        ReadClip(), files, str(folder / "litdata"), chunk_bytes="64MB", num_workers=1, verbose=False
    )

    def batches() -> Iterator[int]:
        generator = np.random.default_rng(0)
        while True:
            clips = litdata.StreamingDataset(str(folder / "litdata"), shuffle=True)
            for done, sample in enumerate(clips, 1):
                crop(sample["clip"], generator)
                if done % BATCH == 0:
                    yield BATCH

    return batches


def rate(batches: Callable[[], Iterator[int]], seconds: float) -> float:
    """Crops a second over `seconds`, the first batch (processes starting) left out."""
    iterator = batches()
    next(iterator)
    crops, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        crops += next(iterator)
    iterator.close()
    return crops / passed


def compare(count: int, rounds: int, seconds: float, engines: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_recordings(folder, count)
        shards = folder / "shards"
        pack(scan_folder(folder / "wav"), shards, jobs=1, shard_seconds=1000)

        def of(root: Path, kind: type[CropData], workers: int):
            return from_loader(kind(root, batch_size=BATCH, num_workers=workers))

        ways = {
            "shards, a thread": of(shards, ShardData, 0),
            "shards, 1 worker": of(shards, ShardData, 1),
            "shards, 2 workers": of(shards, ShardData, 2),
            "wav files, 1 worker": of(folder / "wav", PretrainingData, 1),
            "wav files, 2 workers": of(folder / "wav", PretrainingData, 2),
            "flac files, 1 worker": of(folder / "flac", PretrainingData, 1),
            "flac files, 2 workers": of(folder / "flac", PretrainingData, 2),
        }
        if engines:
            ways["webdataset, flac"] = webdataset_of(folder)
            ways["litdata, int16"] = litdata_of(folder)
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, batches in ways.items():
                found[name].append(rate(batches, seconds))
        best = np.median(found["shards, a thread"])
        print(f"{count} clips of {SECONDS} s, crops of 0.95 s, batches of {BATCH}, crops a second")
        for name, rates in found.items():
            middle = np.median(rates)
            print(f"{name:24}{middle:10.0f}{best / middle:8.1f} x", flush=True)


COLD_WAYS = ("told ahead, then read", "memory map", "memory map, MADV_RANDOM")


def cold(count: int, rounds: int) -> None:
    """How to read crops that aren't in memory: the page cache is dropped before each process."""
    with tempfile.TemporaryDirectory(dir=".") as scratch:
        folder = Path(scratch)
        make_recordings(folder, count)
        pack(scan_folder(folder / "wav"), folder / "shards", jobs=1, shard_seconds=1000)
        found: dict[str, list[list[float]]] = {way: [] for way in COLD_WAYS}
        for _ in range(rounds):
            for way in COLD_WAYS:
                os.sync()
                Path("/proc/sys/vm/drop_caches").write_text("3")
                command = [sys.executable, __file__, "--step", way, str(folder)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found[way].append([float(word) for word in done.stdout.split()])
        print(f"{'crops a second':26}{'cold':>10}{'in memory':>12}")
        for way, speeds in found.items():
            first, again = np.median(speeds, axis=0)
            print(f"{way:26}{first:10.0f}{again:12.0f}")


def cold_step(way: str, folder: Path) -> None:
    """Print crops a second of a first pass and of a second one, which finds all in memory."""
    shards = open_shards(folder / "shards")
    crops = ShardCrops(shards, CLIP / RATE)
    index = np.array(shards.index)
    advice = mmap.MADV_RANDOM if "RANDOM" in way else mmap.MADV_NORMAL
    maps = [_mapped((shards.root / s.name).open("rb"), advice) for s in shards.shards]

    def by_map(keys: list[tuple[int, int]]) -> None:
        batch = np.empty((len(keys), CLIP), np.int16)
        for row, (shard, start, _) in zip(batch, index[[i for _, i in keys]].tolist(), strict=True):
            row[:] = maps[shard][start : start + CLIP]

    read = crops.__getitems__ if way == COLD_WAYS[0] else by_map
    items = np.random.default_rng(0).permutation(len(index)).tolist()
    for _ in range(2):
        started = time.perf_counter()
        for first in range(0, len(items), BATCH):
            read([(0, item) for item in items[first : first + BATCH]])
        print(len(items) / (time.perf_counter() - started))


def _mapped(file: io.BufferedReader, advice: int) -> np.ndarray:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    mapped.madvise(advice)
    return np.frombuffer(mapped, "<i2")


def tiny(count: int) -> None:
    """Pack, open and take a batch of very many recordings, each step a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        first = folder / "wav" / "000"
        first.mkdir(parents=True)
        for i in range(1000):
            clip = np.random.default_rng(i).integers(-99, 99, 1600 + i).astype(np.int16)
            sf.write(first / f"{i:03d}.wav", clip, RATE)
        for copy in range(1, -(-count // 1000)):
            shutil.copytree(first, first.parent / f"{copy:03d}")
        for step in ("pack", "open", "batch"):
            command = [sys.executable, __file__, "--step", step, str(folder)]
            subprocess.run(command, check=True)


def one_step(step: str, folder: Path) -> None:
    shards, started = folder / "shards", time.perf_counter()
    if step == "pack":
        found = pack(scan_folder(folder / "wav"), shards).recordings
    elif step == "open":
        found = open_shards(shards).recordings
    else:
        data = ShardData(shards, batch_size=256)
        data.setup()
        found = next(iter(data.train_dataloader()))["waveform"]
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{step:6}{len(found):10,} in {seconds:8.2f} s, {peak:7.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--engines", action="store_true", help="webdataset and litdata too")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--tiny", type=int)
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step and options.step[0] in COLD_WAYS:
        cold_step(options.step[0], Path(options.step[1]))
    elif options.step:
        one_step(options.step[0], Path(options.step[1]))
    elif options.tiny:
        tiny(options.tiny)
    elif options.cold:
        cold(options.recordings, options.rounds)
    else:
        compare(options.recordings, options.rounds, options.seconds, options.engines)


if __name__ == "__main__":
    main()
