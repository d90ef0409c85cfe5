"""Shards on disk: all recordings decoded once, int16 back to back, any crop a memory read away.

A folder of shards holds

    shard-00000.i16    little-endian int16 samples at one rate, one recording behind the other
    shard-00000.json   what it was packed from, the samples of each recording, its SHA-256
    index.npy          int64 (recordings, 3): shard, first sample, samples
    recordings.csv     the same for people, with the paths
    unusable.csv       recordings that couldn't be packed, and why
    shards.json        version, rate, shards; written last, so a folder without it isn't finished.
                       Its digest covers shards and index, its checksum its own content
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Predicate
from tqdm import tqdm

from datamodules.landmarks import Listener, Sound, sound_of
from datamodules.typed_json import Count, Positive, parse

VERSION = 1
MANIFEST, INDEX, RECORDINGS = "shards.json", "index.npy", "recordings.csv"
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

    name: Annotated[str, Predicate(lambda name: Path(name).name == name)]
    samples: Count
    sha256: str


@dataclass(frozen=True)
class About:
    """The content of shards.json."""

    version: int
    sample_rate: Positive
    recordings: Positive
    unusable: Count
    digest: str
    shards: tuple[Shard, ...]


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

    def listeners(self) -> Iterator[Listener]:
        """A call for each recording, for its landmarks; the checksums of files are gone."""
        assert isinstance(self.root, Path)
        with (self.root / RECORDINGS).open(newline="", encoding="utf-8") as file:
            names = [row["path"] for row in csv.DictReader(file)]
        for name, (shard, start, samples) in zip(names, self.index.tolist(), strict=True):
            yield partial(
                self._listen_to, name, self.root / self.shards[shard].name, start, samples
            )

    def _listen_to(self, name: str, path: Path, start: int, samples: int) -> Sound:
        packed = np.fromfile(path, SAMPLE, samples, offset=start * SAMPLE.itemsize)
        return sound_of(name, "", packed.astype(np.float32) / 32768, self.sample_rate)

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
    try:
        content = (root / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ShardError(
            f"data.root={root}: no {MANIFEST}, so no (finished) shards; run `python -m "
            f"datamodules.shards pack --source DIR --out {root}`, which goes on where it was."
        ) from None
    except OSError as error:
        raise ShardError(
            f"{root / MANIFEST}: can't be read ({error.strerror}); check its permissions."
        ) from error
    about = read_about(content, root / MANIFEST)
    for shard in about.shards:
        check_size(root, shard)
    return checked_shards(root, about, read_index(root / INDEX, root / INDEX))


def read_about(content: bytes, path: Path | Url) -> About:
    """What shards.json says; ShardError for another version, or where it is damaged."""
    try:
        version = json.loads(content)["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        version = VERSION  # what is wrong is said below
    if version != VERSION:
        raise ShardError(
            f"{path}: shards of version {version!r}; expected {VERSION}, pack them again."
        )
    try:
        return parse(content, About, str(path), "copy it again, or pack again")
    except ValueError as error:
        raise ShardError(str(error)) from error


def read_index(path: Path, source: Path | Url) -> np.ndarray:
    """The array of index.npy at `path`, memory-mapped; ShardError, naming `source`, otherwise."""
    try:
        index = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(index, np.ndarray):
            raise ValueError("a zip of arrays")
        return index
    except Exception as error:  # numpy parses the header as Python: a tokenizer's errors, say
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise ShardError(
            f"{source}: can't be read ({reason}); copy it again, or run the same pack command "
            "again."
        ) from error


def checked_shards(root: Path | Url, about: About, index: np.ndarray) -> Shards:
    """Shards whose index agrees with them; ShardError otherwise."""
    _check_index(root, index, about.shards, about.recordings)
    digest = digest_of(about.shards, index)
    if digest != about.digest:
        raise ShardError(
            f"{root / INDEX}: it or the list of shards in {MANIFEST} was changed since they were "
            "written; copy the folder again, or run the same pack command again."
        )
    return Shards(root, about.sample_rate, about.shards, index, about.unusable, digest)


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
