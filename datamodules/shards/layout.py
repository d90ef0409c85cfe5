"""Shards on disk: all recordings decoded once, int16 back to back, any crop a memory read away.

A folder of shards holds

    shard-00000.i16    little-endian int16 samples at one rate, one recording behind the other
    shard-00000.json   what it was packed from, the samples of each recording, its SHA-256
    index.npy          int64 (recordings, 3): shard, first sample, samples
    recordings.csv     the same for people, with the paths
    unusable.csv       recordings that couldn't be packed, and why
    shards.json        version, rate, shards; written last, so a folder without it isn't finished
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

VERSION = 1
MANIFEST, INDEX = "shards.json", "index.npy"
SAMPLE = np.dtype("<i2")


class ShardError(ValueError):
    """Shards that can't be used; the message names the file and says what to do."""


class Url(str):
    """Where shards are when that isn't a folder; `/` puts a name behind it, as with a path."""

    def __truediv__(self, name: str) -> Url:
        return Url(f"{self.rstrip('/')}/{name}")


@dataclass(frozen=True)
class Shard:
    """One file: its name, its samples and the SHA-256 (hex) of its bytes."""

    name: str
    samples: int
    sha256: str


@dataclass(frozen=True)
class Shards:
    """An opened folder of shards; sizes and index were compared, checksums are `verify`'s work.

    Attributes:
        index: int64 (recordings, 3), memory-mapped: shard, first sample, samples.
    """

    root: Path | Url
    sample_rate: int
    shards: tuple[Shard, ...]
    index: np.ndarray
    unusable: int
    digest: str

    @property
    def recordings(self) -> np.ndarray:
        """A row each."""
        return self.index

    @cached_property
    def seconds(self) -> float:
        return sum(shard.samples for shard in self.shards) / self.sample_rate

    def summary(self, clip_seconds: float) -> str:
        """One line for the screen."""
        short = int((self.index[:, 2] < round(clip_seconds * self.sample_rate)).sum())
        return (
            f"{len(self.index)} recordings, {self.seconds / 3600:.2f} h, in {len(self.shards)} "
            f"shards under {self.root} ({short} shorter than a clip of {clip_seconds} s, padded "
            f"with zeros); {self.unusable} were unusable, listed there in unusable.csv"
        )

    def write(self, folder: Path) -> None:
        """Nothing to list in a run's folder: the shards have their own list."""


def open_shards(root: str | Path) -> Shards:
    """Open a folder of shards.

    Raises:
        ShardError: not (or not wholly) packed, another version, a shard that is missing or has
            another size, or an index that disagrees with them.
    """
    root = Path(root).expanduser()
    about = _read_json(root / MANIFEST)
    if about is None:
        raise ShardError(
            f"data.root={root}: no {MANIFEST}, so no (finished) shards; run `python -m "
            f"datamodules.shards pack --source DIR --out {root}`, which goes on where it was."
        )
    shards = listed_shards(root, about)
    for shard in shards:
        check_size(root, shard)
    try:
        index = np.load(root / INDEX, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ShardError(f"{root / INDEX}: can't be read ({error}); pack again.") from error
    return checked_shards(root, about, shards, index)


def listed_shards(root: Path | Url, about: dict[str, Any]) -> tuple[Shard, ...]:
    """The shards that the content of shards.json names; ShardError for another version."""
    version = about.get("version") if isinstance(about, dict) else None
    if version != VERSION:
        raise ShardError(
            f"{root / MANIFEST}: shards of version {version}; expected {VERSION}, pack them again."
        )
    try:
        return tuple(Shard(**shard) for shard in about["shards"])
    except (KeyError, TypeError) as error:
        raise ShardError(f"{root / MANIFEST}: can't be read ({error}); pack again.") from error


def checked_shards(
    root: Path | Url, about: dict[str, Any], shards: tuple[Shard, ...], index: np.ndarray
) -> Shards:
    """Shards whose index agrees with them; ShardError otherwise."""
    _check_index(root, index, shards, about["recordings"])
    return Shards(
        root, about["sample_rate"], shards, index, about["unusable"], digest_of(shards, index)
    )


def check_size(root: Path, shard: Shard) -> None:
    """Raise ShardError unless the file is there with all its samples."""
    path = root / shard.name
    compare_size(path, shard, path.stat().st_size if path.is_file() else None)


def compare_size(path: Path | Url, shard: Shard, size: int | None) -> None:
    """Raise ShardError unless `size` (bytes, None for no file) is what the shard's samples take."""
    if size is None:
        raise ShardError(f"{path}: missing; copy it again, or run the same pack command again.")
    expected = shard.samples * SAMPLE.itemsize
    if size != expected:
        raise ShardError(
            f"{path}: {size} bytes; expected {expected}, copy it again or remove it and run the "
            "same pack command again."
        )


def _check_index(
    root: Path | Url, index: np.ndarray, shards: tuple[Shard, ...], recordings: int
) -> None:
    sound = index.dtype == np.int64 and index.shape == (recordings, 3) and recordings > 0
    if sound:
        shard, start, samples = index.T
        # each recording begins where the one before ends, and the last one ends with the shard
        new = np.r_[True, shard[1:] != shard[:-1]]
        begins = np.where(new, 0, np.r_[0, (start + samples)[:-1]])
        ends = (start + samples)[np.r_[new[1:], True]]
        sizes = np.array([s.samples for s in shards if s.samples])
        sound = (
            bool((samples > 0).all())
            and np.array_equal(start, begins)
            and np.array_equal(shard[new], [i for i, s in enumerate(shards) if s.samples])
            and np.array_equal(ends, sizes)
        )
    if not sound:
        raise ShardError(
            f"{root / INDEX}: disagrees with the shards beside it; copy the folder again, or run "
            "the same pack command again."
        )


def digest_of(shards: tuple[Shard, ...], index: np.ndarray) -> str:
    """SHA-256 (hex) over audio and boundaries: runs that agree on it draw the same crops."""
    digest = hashlib.sha256("\n".join(shard.sha256 for shard in shards).encode())
    digest.update(np.ascontiguousarray(index).tobytes())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ShardError(f"{path}: can't be read ({error}); pack again.") from error


def verify(root: str | Path, workers: int = 4) -> list[str]:
    """Read every shard and compare its checksum.

    Returns:
        a sentence for each that is damaged.

    Raises:
        datamodules.shards.layout.ShardError: what opening them finds, see `open_shards`.
    """
    shards = open_shards(root)
    paths = [shards.root / shard.name for shard in shards.shards]
    with ThreadPoolExecutor(workers) as pool:
        found = list(tqdm(pool.map(file_sha256, paths), "verifying", len(paths), disable=None))
    return [
        f"{path}: its content changed since it was packed; copy it again, or remove it and run "
        "the same pack command again."
        for path, shard, sha256 in zip(paths, shards.shards, found, strict=True)
        if sha256 != shard.sha256
    ]
