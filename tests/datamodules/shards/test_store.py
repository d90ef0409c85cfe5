"""Shards in a store: opened there, the crops of the local ones, whatever the network does."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.manifest.recordings import scan_folder
from datamodules.pretraining import ShardData
from datamodules.shards import store as store_module
from datamodules.shards.crops import ShardCrops
from datamodules.shards.layout import ShardError, open_shards
from datamodules.shards.packing import pack
from datamodules.shards.store import Store, open_store
from datamodules.shards.store_crops import BlockBatches, StoreCrops
from datamodules.streaming import StoreData
from tests.support.paths import ROOT
from tests.support.speech import voiced

pytest.importorskip("obstore", reason="reading from stores is an extra")

CLIP = 0.5


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    (root / "source").mkdir()
    for i in range(24):
        seconds = 0.3 + 0.5 * (i % 7)
        sf.write(root / "source" / f"{i:02d}.wav", voiced(seconds, 16_000, i), 16_000, "PCM_16")
    pack(scan_folder(root / "source"), root / "shards", jobs=1, shard_seconds=10)
    return root / "shards"


class Served:
    """A folder behind `benchmarks/slow_store.py`."""

    def __init__(self, folder: Path, *options: str):
        command = [sys.executable, str(ROOT / "benchmarks/slow_store.py"), str(folder), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}/"

    def stop(self) -> tuple[int, int]:
        """Requests and bytes answered."""
        self.process.terminate()
        requests, sent = self.process.stdout.readline().split()
        self.process.wait()
        self.process.stdout.close()
        return int(requests), int(sent)


@pytest.fixture
def served(packed: Path) -> Iterator[Served]:
    server = Served(packed, "--latency", "0.005")
    yield server
    if server.process.poll() is None:
        server.stop()


def loaded(data: ShardData, batches: int | None = None) -> list[np.ndarray]:
    data.setup()
    loader = data.train_dataloader()
    loader.batch_sampler.set_epoch(3)
    return [batch["waveform"].numpy() for batch, _ in zip(loader, range(batches or 99))]  # noqa: B905


@pytest.mark.parametrize("place", ["file", "http"])
def test_a_run_draws_the_crops_of_a_local_one(packed: Path, served: Served, place: str):
    url = packed.as_uri() if place == "file" else served.url
    local = loaded(ShardData(packed, batch_size=4, clip_seconds=CLIP))
    there = loaded(StoreData(url, batch_size=4, clip_seconds=CLIP, threads=3, connections=8))
    assert len(there) == 6
    assert all(np.array_equal(a, b) for a, b in zip(local, there, strict=True))


def test_nothing_but_the_crops_is_read(packed: Path):
    server = Served(packed)
    loaded(StoreData(server.url, batch_size=4, clip_seconds=CLIP))
    requests, sent = server.stop()
    shards = open_shards(packed)
    crops = int(np.minimum(shards.index[:, 2], 8000).sum()) * 2
    opening = sum((packed / name).stat().st_size for name in ("shards.json", "index.npy"))
    # one try to list, one HEAD a shard, two files, and the crops
    assert requests == 1 + len(shards.shards) + 2 + 24
    assert crops + opening < sent < crops + opening + 250 * requests


@pytest.mark.parametrize("block_seconds", [None, 2.0])
def test_failures_of_the_store_are_tried_again(packed: Path, block_seconds: float | None):
    server = Served(packed, "--failing", "0.2")
    arguments = {"batch_size": 4, "clip_seconds": CLIP, "block_seconds": block_seconds}
    arguments["seconds_per_crop"] = block_seconds and 0.3
    there = loaded(StoreData(server.url, **arguments))
    server.stop()
    local = loaded(StoreData(packed.as_uri(), **arguments))
    assert all(np.array_equal(a, b) for a, b in zip(local, there, strict=True))


def test_a_store_that_goes_away(packed: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store_module, "RETRY", store_module.timedelta(seconds=0.3))
    server = Served(packed)
    data = StoreData(server.url, batch_size=4, clip_seconds=CLIP)
    data.setup()
    server.stop()
    with pytest.raises(OSError, match=r"shard-\d+\.i16: can't be read .*resume=auto"):
        next(iter(data.train_dataloader()))


@pytest.mark.parametrize("block_seconds", [0.5, 2.0, 1000.0])
def test_blocks_hold_the_same_crops_in_another_order(packed: Path, block_seconds: float):
    """Each item once an epoch, its crop that of a local run, whatever the blocks."""
    shards = open_shards(packed)
    crops = StoreCrops(
        Store(packed.as_uri()), shards, CLIP, seconds_per_crop=0.5, block_seconds=block_seconds,
        kept_blocks=2,
    )  # fmt: skip
    local = ShardCrops(shards, CLIP, seconds_per_crop=0.5)
    batches = BlockBatches(crops, 3, 5, seed=1)
    batches.set_epoch(2)
    seen = [key for keys in batches for key in keys]
    assert len({item for _, item in seen}) == len(seen) == len(crops) // 5 * 5
    for keys in batches:
        mine = crops.__getitems__(keys)["waveform"]
        assert np.array_equal(mine, local.__getitems__(keys)["waveform"])
    assert list(batches) == list(batches)
    first = list(batches)
    batches.set_epoch(3)
    assert list(batches) != first


def test_a_block_is_read_about_once_an_epoch(packed: Path):
    shards = open_shards(packed)
    crops = StoreCrops(
        Store(packed.as_uri()), shards, CLIP, seconds_per_crop=0.1, block_seconds=2.0, kept_blocks=8
    )
    for keys in BlockBatches(crops, 4, 8, seed=1):
        crops.__getitems__(keys)
    whole = int(shards.seconds * 32_000)
    # every block has a crop's length more, and the last ones of a shard are shorter
    assert whole * 0.9 < crops.bytes_read < whole * 1.5
    assert len(crops._blocks) <= 8


def test_ranks_have_their_own_blocks(packed: Path):
    shards = open_shards(packed)
    crops = StoreCrops(
        Store(packed.as_uri()), shards, CLIP, seconds_per_crop=0.1, block_seconds=2.0
    )
    parts = [BlockBatches(crops, 4, 8, 1, rank, 2).order() for rank in range(2)]
    assert not set(parts[0]) & set(parts[1])
    assert len(parts[0]) == len(parts[1]) == len(crops) // 16 * 8

    def blocks(items: np.ndarray) -> set[tuple[int, int]]:
        shard, first, _ = crops.places(np.zeros(len(items), np.int64), items)
        return set(zip(shard.tolist(), (first // crops.block_samples).tolist(), strict=True))

    assert len(blocks(parts[0]) & blocks(parts[1])) <= 1


@pytest.mark.parametrize("block_seconds", [None, 2.0])
def test_it_goes_on_where_it_was(packed: Path, block_seconds: float | None):
    def loader():
        data = StoreData(
            packed.as_uri(),
            batch_size=4,
            clip_seconds=CLIP,
            block_seconds=block_seconds,
            seconds_per_crop=block_seconds and 0.3,
        )
        data.setup()
        return data.train_dataloader()

    whole = [batch["waveform"] for batch in loader()]
    part = loader()
    taken = iter(part)
    first = [next(taken)["waveform"] for _ in range(2)]
    state = part.state_dict()
    taken.close()
    again = loader()
    again.load_state_dict(state)
    rest = [batch["waveform"] for batch in again]
    assert len(rest) == len(whole) - 2
    assert all((a == b).all() for a, b in zip(first + rest, whole, strict=True))


def test_a_bucket_of_ones_own(packed: Path, monkeypatch: pytest.MonkeyPatch):
    """S3's addressing, at an endpoint without TLS, as MinIO and Ceph are used."""
    server = Served(packed.parent)
    monkeypatch.setenv("AWS_ENDPOINT", server.url.rstrip("/"))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    there = loaded(StoreData("s3://shards", batch_size=4, clip_seconds=CLIP))
    with pytest.raises(ShardError, match=r"s3://other: no shards\.json"):
        open_store(Store("s3://other"))
    server.stop()
    local = loaded(ShardData(packed, batch_size=4, clip_seconds=CLIP))
    assert all(np.array_equal(a, b) for a, b in zip(local, there, strict=True))


@pytest.mark.parametrize("place", ["file", "http"])
@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda s: (s / "shard-00001.i16").unlink(), r"shard-00001\.i16: missing"),
        (lambda s: os.truncate(s / "shard-00000.i16", 1000), r"shard-00000\.i16: 1000 bytes; exp"),
        (lambda s: (s / "shards.json").unlink(), r"no shards\.json"),
        (lambda s: (s / "shards.json").write_text("{"), r"shards\.json: isn't JSON"),
        (lambda s: other_version(s), "shards of version 7; expected 1"),
        (lambda s: (s / "index.npy").write_bytes(b"x"), r"index\.npy: can't be read"),
    ],
    ids=["missing", "cut", "unfinished", "damaged", "version", "index"],
)
def test_refused(packed: Path, tmp_path: Path, damage, complaint: str, place: str):
    shards = Path(shutil.copytree(packed, tmp_path / "shards"))
    damage(shards)
    server = Served(shards, "--latency", "0") if place == "http" else None
    try:
        with pytest.raises(ShardError, match=complaint):
            open_store(Store(server.url if server else shards.as_uri()))
    finally:
        if server:
            server.stop()


def other_version(shards: Path) -> None:
    about = json.loads((shards / "shards.json").read_text())
    (shards / "shards.json").write_text(json.dumps({**about, "version": 7}))


def test_bad_arguments(packed: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="no address of a store"):
        StoreData("ftp://host/shards", batch_size=4).setup()
    with pytest.raises(ValueError, match="no address of a store"):
        StoreData("shards", batch_size=4).setup()
    with pytest.raises(ValueError, match=r"data\.connections=0"):
        StoreData(packed.as_uri(), connections=0)
    with pytest.raises(ValueError, match=r"data\.block_seconds=0\.1: expected at least"):
        StoreData(packed.as_uri(), block_seconds=0.1)
    with pytest.raises(ValueError, match=r"1\.\d crops from each of \d+ blocks, so that reading"):
        StoreData(packed.as_uri(), batch_size=4, block_seconds=2.0).setup()
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(ValueError, match=r"needs obstore .*pip install"):
        StoreData(packed.as_uri(), batch_size=4).setup()
