"""Random crops from an object store: shards read in ranges, webdataset, litdata.

    python benchmarks/stores.py [--seconds 4] [--latency 0.03] [--rate 80e6]
    python benchmarks/stores.py --ranks 1 2 4 8    each a thread, 16 connections of 100 ms each
    python benchmarks/stores.py --shards 5000      opened and read, on disk and in the store

The store is `benchmarks/slow_store.py`. The recordings are 10-s clips of noise at 16 kHz, stored as
int16 by all; a crop is 0.95 s, from every clip one or ten an epoch. For webdataset and litdata a
sample is a clip, read whole. Every way is a process of its own with a store of its own; rounds are
interleaved and medians printed: crops a second, the wait for the first batch included (engines load
much of the data in it; imports are left out), that wait, bytes and requests a crop as the store
counted them. An epoch of litdata's ends its measurement, since a second one comes from its copy on
disk; nan is a way that stood still for a minute. Needs obstore, webdataset and litdata.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import soundfile as sf

from datamodules.manifest.recordings import scan_folder
from datamodules.shards.packing import pack

RATE, CLIP, SECONDS, BATCH = 16_000, 15_200, 10, 64
WAYS = {
    # name: kind, crops of a clip, what is varied
    "shards, 64 connections": ("ranges", 1, {"connections": 64}),
    "shards, 256 connections": ("ranges", 1, {"connections": 256}),
    "shards, blocks of 2 MB": ("blocks", 1, {}),
    "shards, blocks of 2 MB, 10": ("blocks", 10, {}),
    "webdataset, 1 worker": ("webdataset", 1, {"workers": 1}),
    "webdataset, 4 workers": ("webdataset", 1, {"workers": 4}),
    "webdataset, 4 workers, 10": ("webdataset", 10, {"workers": 4}),
    "litdata, 1 worker": ("litdata", 1, {"workers": 1}),
    "litdata, 4 workers": ("litdata", 1, {"workers": 4}),
    "litdata, 4 workers, 10": ("litdata", 10, {"workers": 4}),
}


class ReadClip:
    """What litdata's `optimize` calls; a class at the top, so that its processes find it."""

    def __call__(self, path: str) -> dict[str, np.ndarray]:
        return {"clip": sf.read(path, dtype="int16")[0]}


def prepare(folder: Path, count: int) -> None:
    import litdata

    generator = np.random.default_rng(0)
    (folder / "wav").mkdir()
    (folder / "tars").mkdir()
    for i in range(count):
        clip = (3000 * generator.normal(size=RATE * SECONDS)).astype(np.int16)
        sf.write(folder / "wav" / f"{i:06d}.wav", clip, RATE, "PCM_16")
        with tarfile.open(folder / "tars" / f"{i // 50:06d}.tar", "a") as tar:
            member = tarfile.TarInfo(f"{i:06d}.i16")
            member.size = clip.nbytes
            tar.addfile(member, io.BytesIO(clip.tobytes()))
    files = [str(path) for path in sorted((folder / "wav").iterdir())]
    pack(scan_folder(folder / "wav"), folder / "shards", jobs=1, shard_seconds=1600)
    litdata.optimize(
        ReadClip(), files, str(folder / "litdata"), chunk_bytes="16MB", num_workers=1, verbose=False
    )


def cut(clips: Iterator[np.ndarray], crops: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(0)
    for clip in clips:
        for start in generator.integers(0, len(clip) - CLIP, crops, endpoint=True):
            yield clip[start : start + CLIP]


def from_shards(port: int, kind: str, crops: int, connections: int = 256) -> Iterator[int]:
    from datamodules.streaming import StoreData

    data = StoreData(
        f"http://127.0.0.1:{port}/shards",
        connections=connections,
        block_seconds=64 if kind == "blocks" else None,
        mixed_blocks=16,
        seconds_per_crop=SECONDS / crops if crops > 1 else None,
        batch_size=BATCH,
    )
    data.setup()
    for epoch in range(1_000):
        loader = data.train_dataloader()
        loader.batch_sampler.set_epoch(epoch)
        data.crops._blocks.clear()  # an epoch of a large data set doesn't stay in memory
        for batch in loader:
            yield len(batch["waveform"])


def from_webdataset(port: int, folder: Path, crops: int, workers: int) -> Iterator[int]:
    import webdataset as wds

    names = sorted(path.name for path in (folder / "tars").iterdir())
    urls = [f"http://127.0.0.1:{port}/tars/{name}" for name in names]
    samples = (
        wds.WebDataset(
            urls, shardshuffle=len(urls), nodesplitter=wds.split_by_node, empty_check=False
        )
        .to_tuple("i16")
        .map_tuple(lambda content: np.frombuffer(content, np.int16))
        .map(lambda sample: sample[0])
        .compose(lambda clips: cut(clips, crops))
        .shuffle(200 * crops)
        .batched(64, collation_fn=np.stack)
    )
    for batch in wds.WebLoader(samples.repeat(), batch_size=None, num_workers=workers):
        yield len(batch)


def from_litdata(port: int, cache: Path, crops: int, workers: int) -> Iterator[int]:
    import litdata
    from litdata.streaming import downloader

    downloader._OBSTORE_CLIENT_OPTIONS["allow_http"] = True  # no option of theirs reaches it
    address = f"http://127.0.0.1:{port}"
    options = {
        "endpoint_url": address,
        "aws_access_key_id": "any",
        "aws_secret_access_key": "any",
        "region_name": "us-east-1",
    }
    clips = litdata.StreamingDataset(
        "s3://litdata",
        cache_dir=str(cache),
        storage_options=options,
        shuffle=True,
        max_pre_download=4,
    )
    loader = litdata.StreamingDataLoader(
        clips, batch_size=64, num_workers=workers, collate_fn=Crop(crops)
    )
    for batch in loader:
        yield len(batch)


class Crop:
    """A batch of clips -> a batch of crops, in litdata's workers."""

    def __init__(self, crops: int):
        self.crops = crops

    def __call__(self, samples: list[dict]) -> np.ndarray:
        return np.stack(list(cut((np.asarray(s["clip"]) for s in samples), self.crops)))


def one_way(name: str, folder: Path, port: int, seconds: float) -> None:
    kind, crops, varied = WAYS[name]
    importlib.import_module(kind if kind in ("webdataset", "litdata") else "datamodules.streaming")
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        if kind == "webdataset":
            batches = from_webdataset(port, folder, crops, **varied)
        elif kind == "litdata":
            batches = from_litdata(port, Path(cache), crops, **varied)
        else:
            batches = from_shards(port, kind, crops, **varied)
        started = time.perf_counter()
        done = next(batches)
        first = now = time.perf_counter()
        for batch in batches:
            done += batch
            if (now := time.perf_counter()) - first > seconds:
                break
        found = {"crops": done, "first": first - started, "rate": done / (now - started)}
        print(json.dumps(found), flush=True)
        os._exit(0)  # engines' threads and workers are left behind


def serve(folder: Path, latency: float, rate: float = 80e6) -> subprocess.Popen:
    command = [sys.executable, str(Path(__file__).with_name("slow_store.py")), str(folder)]
    command += ["--latency", str(latency), "--rate", str(rate)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def by_ranks(folder: Path, counts: list[int], seconds: float) -> None:
    """Crops a second of all ranks together; a rank shares nothing with another but the store."""
    from concurrent.futures import ThreadPoolExecutor

    from datamodules.batches import EpochBatches
    from datamodules.shards.store import Store, open_store
    from datamodules.shards.store_crops import StoreCrops

    sf.write(folder / "clip.wav", np.zeros(RATE * SECONDS, np.int16), RATE, "PCM_16")
    (folder / "wav").mkdir()
    for i in range(2000):
        os.link(folder / "clip.wav", folder / "wav" / f"{i:04d}.wav")
    pack(scan_folder(folder / "wav"), folder / "shards", jobs=1, shard_seconds=1600)
    for ranks in counts:
        server = serve(folder, latency=0.1)
        store = Store(f"http://127.0.0.1:{server.stdout.readline().strip()}/shards")
        shards = open_store(store)

        def of_rank(rank: int, ranks: int = ranks, store=store, shards=shards) -> float:
            crops = StoreCrops(store, shards, CLIP / RATE, connections=16)
            batches, done, started = EpochBatches(2000, 64, 0, rank, ranks), 0, time.perf_counter()
            for epoch in range(1_000):
                batches.set_epoch(epoch)
                for keys in batches:
                    done += len(crops.__getitems__(keys)["waveform"])
                    if (passed := time.perf_counter() - started) > seconds:
                        return done / passed

        with ThreadPoolExecutor(ranks) as pool:
            total = sum(pool.map(of_rank, range(ranks)))
        server.terminate()
        server.wait()
        print(f"{ranks:3} ranks{total:8.0f} crops a second", flush=True)


def many_shards(folder: Path, count: int) -> None:
    from datamodules.pretraining import ShardData
    from datamodules.streaming import StoreData

    sf.write(folder / "clip.wav", np.zeros(RATE, np.int16), RATE, "PCM_16")
    (folder / "wav").mkdir()
    for i in range(count):
        os.link(folder / "clip.wav", folder / "wav" / f"{i:06d}.wav")
    started = time.perf_counter()
    pack(scan_folder(folder / "wav"), folder / "shards", shard_seconds=1)
    print(f"packing {count} shards: {time.perf_counter() - started:.1f} s", flush=True)
    server = serve(folder, latency=0.03)
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}/shards"
    for name, data in (("disk", ShardData(folder / "shards")), ("store", StoreData(url))):
        started = time.perf_counter()
        data.setup()
        opened = time.perf_counter() - started
        done, started = 0, time.perf_counter()
        for batch in data.train_dataloader():
            done += len(batch["waveform"])
        speed = done / (time.perf_counter() - started)
        print(f"{name:6} opened in {opened:.2f} s, {speed:.0f} crops a second", flush=True)
    server.terminate()
    server.wait()


def measure(name: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    server = serve(folder, options.latency, options.rate)
    try:
        port = server.stdout.readline().strip()
        command = [sys.executable, __file__, "--way", name, str(folder), port]
        command += ["--seconds", str(options.seconds)]
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command, stdout=output, stderr=errors, start_new_session=True, text=True
            )
            try:
                code = process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                return dict.fromkeys(("rate", "first", "kB", "requests"), float("nan"))
            finally:
                with contextlib.suppress(ProcessLookupError):  # its workers too
                    os.killpg(process.pid, signal.SIGKILL)
            if code:
                errors.seek(0)
                raise RuntimeError(f"{name}: {errors.read()[-2000:]}")
            output.seek(0)
            found = json.loads(output.read().splitlines()[-1])
        server.terminate()
        requests, sent = map(int, server.stdout.readline().split())
    finally:
        server.kill()
        server.wait()
    return {**found, "requests": requests / found["crops"], "kB": sent / found["crops"] / 1000}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=1200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement, at most")
    parser.add_argument("--latency", type=float, default=0.03, help="seconds an answer")
    parser.add_argument("--rate", type=float, default=80e6, help="bytes a second and connection")
    parser.add_argument("--only", default="", help="ways whose name has this")
    parser.add_argument("--ranks", type=int, nargs="+")
    parser.add_argument("--shards", type=int)
    parser.add_argument("--way", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        return one_way(options.way[0], Path(options.way[1]), int(options.way[2]), options.seconds)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.ranks:
            return by_ranks(folder, options.ranks, options.seconds)
        if options.shards:
            return many_shards(folder, options.shards)
        prepare(folder, options.recordings)
        names = [name for name in WAYS if options.only in name]
        found: dict[str, list[dict]] = {name: [] for name in names}
        for _ in range(options.rounds):
            for name in names:
                found[name].append(measure(name, folder, options))
                print(f"# {name}: {found[name][-1]}", file=sys.stderr, flush=True)
        print(
            f"{options.recordings} clips, {options.latency * 1000:.0f} ms and "
            f"{options.rate / 1e6:.0f} MB/s an answer"
        )
        print(f"{'':30}{'crops/s':>9}{'first, s':>9}{'kB/crop':>9}{'requests/crop':>14}")
        for name, rounds in found.items():
            middle = {
                key: float(np.median([one[key] for one in rounds]))
                for key in rounds[0]
                if key != "crops"
            }
            print(
                f"{name:30}{middle['rate']:9.0f}{middle['first']:9.2f}{middle['kB']:9.0f}"
                f"{middle['requests']:14.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
