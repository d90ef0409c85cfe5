"""Pre-training on several sources at once: each gives its share of every epoch.

An epoch has as many crops as all parts have items together. Each part gives its share of them and
goes through its items in an order of its own, which goes on from epoch to epoch, so that none comes
a second time before all others of the part have come once.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.batches import CropKey, EpochBatches, keyed_generator
from datamodules.crops import Crops
from datamodules.files import write_whole
from datamodules.landmarks import Listener
from datamodules.pretraining import CropData, PretrainingData, Recordings, ShardData
from datamodules.shards.crops import ShardCrops, keep_batch

KEYS = ("root", "manifest", "shards", "seconds_per_crop", "weight")


@dataclass(frozen=True)
class Part:
    """A source, its items, and how many of an epoch's crops come from it."""

    source: str
    recordings: Recordings
    crops: Crops | ShardCrops
    share: float
    crops_an_epoch: int


@dataclass(frozen=True)
class Mixture:
    """The parts that an epoch is mixed from."""

    parts: tuple[Part, ...]

    @property
    def recordings(self) -> range:
        return range(sum(len(part.recordings.recordings) for part in self.parts))

    @property
    def seconds(self) -> float:
        return sum(part.recordings.seconds for part in self.parts)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the parts' own and their shares of an epoch."""
        lines = "\n".join(f"{p.recordings.digest} {p.crops_an_epoch}" for p in self.parts)
        return hashlib.sha256(lines.encode()).hexdigest()

    def listeners(self) -> Iterator[Listener]:
        """Those of all parts."""
        return chain.from_iterable(part.recordings.listeners() for part in self.parts)

    def summary(self, clip_seconds: float) -> str:
        """A line a part, for the screen."""
        lines = [
            f"{part.crops_an_epoch} crops an epoch ({100 * part.share:.1f} %) from "
            f"{part.source}: {part.recordings.summary(clip_seconds)}"
            for part in self.parts
        ]
        return "\n".join(lines)

    def write(self, folder: Path) -> None:
        """mixture.csv, and each part's own lists in a folder `part-N`."""
        table, rows = io.StringIO(), self.rows()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(("part", *rows[0]))
        writer.writerows((number, *row.values()) for number, row in enumerate(rows))
        for number, part in enumerate(self.parts):
            part.recordings.write(folder / f"part-{number}")
        write_whole(folder / "mixture.csv", table.getvalue())

    def rows(self) -> list[dict[str, Any]]:
        """How much comes from each part."""
        return [
            {
                "source": part.source,
                "recordings": len(part.recordings.recordings),
                "hours": round(part.recordings.seconds / 3600, 3),
                "share": round(part.share, 6),
                "crops_an_epoch": part.crops_an_epoch,
            }
            for part in self.parts
        ]


class MixedCrops(Dataset):
    """The parts' crops behind each other; a key's first number is the pass through that part."""

    def __init__(self, parts: Sequence[Part]):
        self.parts = [part.crops for part in parts]
        self.first = np.cumsum([0, *(len(crops) for crops in self.parts)])
        self.as_int16 = all(isinstance(crops, ShardCrops) for crops in self.parts)
        self.samples = self.parts[0].samples

    def __len__(self) -> int:
        return int(self.first[-1])

    def __getitems__(self, keys: list[CropKey]) -> dict[str, torch.Tensor]:
        """waveform: (B, samples), int16 where all parts are shards, else float32 in [-1, 1];
        unreadable: uint8 (B,)."""
        kind = torch.int16 if self.as_int16 else torch.float32
        waveform = torch.empty(len(keys), self.samples, dtype=kind)
        unreadable = torch.zeros(len(keys), dtype=torch.uint8)
        part = np.searchsorted(self.first, [item for _, item in keys], side="right") - 1
        for number in np.unique(part):
            rows = np.flatnonzero(part == number)
            first = int(self.first[number])
            part_keys = [(keys[row][0], keys[row][1] - first) for row in rows]
            crops = self.parts[number]
            if isinstance(crops, ShardCrops):
                read = crops.__getitems__(part_keys)["waveform"]
                waveform[rows] = read if self.as_int16 else read.float() / 32_768
            else:
                for row, key in zip(rows, part_keys, strict=True):
                    crop = crops[key]
                    waveform[row] = torch.as_tensor(crop["waveform"])
                    unreadable[row] = int(crop["unreadable"])
        return {"waveform": waveform, "unreadable": unreadable}


class MixedBatches(EpochBatches):
    """An epoch's draws in an order keyed by (seed, epoch), shared among ranks as ever."""

    def __init__(self, parts: Sequence[Part], *arguments: int):
        super().__init__(sum(part.crops_an_epoch for part in parts), *arguments)
        self.sizes = [len(part.crops) for part in parts]
        self.quotas = [part.crops_an_epoch for part in parts]
        self.draws = np.cumsum([0, *self.quotas])  # an epoch's, in the order of the parts
        self.items = np.cumsum([0, *self.sizes])
        self._orders: dict[tuple[int, int], np.ndarray] = {}

    def key(self, item: int) -> CropKey:
        part = int(np.searchsorted(self.draws, item, side="right")) - 1
        drawn = self.epoch * self.quotas[part] + item - int(self.draws[part])
        passed, position = divmod(drawn, self.sizes[part])
        return (passed, int(self.items[part] + self._order(part, passed)[position]))

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self._orders.clear()
        super().set_epoch(epoch)

    def _order(self, part: int, passed: int) -> np.ndarray:
        """The order of a pass through a part; those of an epoch are kept."""
        if (part, passed) not in self._orders:
            generator = keyed_generator(self.seed, 2, part, passed)
            self._orders[part, passed] = generator.permutation(self.sizes[part])
        return self._orders[part, passed]


class MixtureData(CropData[Mixture, MixedCrops]):
    """Random crops from several sources.

    Args:
        parts: each a mapping with `root` or `manifest`; `shards: true` where `root` is a folder of
            packed shards, which may have `seconds_per_crop`; and a `weight`, its share of the
            crops in relation to the others'. All parts have a weight, or none.
        temperature: of parts without weights: shares go by (number of items) ** temperature, so 1
            takes the sources as they are, and 0 takes as much from each.
        num_workers: "auto" is none where all parts are shards.
        arguments: as `CropData`.

    Raises:
        ValueError: no parts, one that isn't such a mapping, or weights that are none.
    """

    collate = staticmethod(keep_batch)

    def __init__(
        self,
        parts: list[Mapping[str, Any]],
        temperature: float = 1.0,
        num_workers: int | str = "auto",
        **arguments: Any,
    ):
        if not isinstance(parts, list) or not parts:
            raise ValueError(
                f"data.parts={parts!r}: expected a list such as "
                "'data.parts=[{root: A, weight: 2},{root: B, shards: true}]'."
            )
        for number, part in enumerate(parts):
            _check_part(number, part)
        given = [float(part["weight"]) for part in parts if part.get("weight") is not None]
        if len(given) not in (0, len(parts)):
            raise ValueError("data.parts: give all parts a weight, or none of them.")
        if given and not sum(given) > 0:
            raise ValueError("data.parts: all weights are 0; give at least one part more.")
        if not (isinstance(temperature, (int, float)) and 0 <= temperature <= 1):
            raise ValueError(f"data.temperature={temperature}: expected a number from 0 to 1.")
        if num_workers == "auto" and all(part.get("shards") for part in parts):
            num_workers, self.ahead = 0, 4
        super().__init__("data.parts", num_workers=num_workers, **arguments)
        self.weights, self.temperature = [weight for weight in given if weight > 0], temperature
        self.modules = [self._module(part) for part in parts if part.get("weight") != 0]

    def _module(self, part: Mapping[str, Any]) -> PretrainingData | ShardData:
        kept = {key: value for key, value in part.items() if key not in ("weight", "shards")}
        shared: dict[str, Any] = {
            "batch_size": self.batch_size,
            "clip_seconds": self.clip_seconds,
            "sample_rate": self.sample_rate,
            "seed": self.seed,
            "num_workers": 0,
        }
        return (ShardData if part.get("shards") else PretrainingData)(**kept, **shared)

    def find_recordings(self) -> Mixture:
        found = []
        for module in self.modules:
            try:
                recordings: Any = module.find_recordings()
            except ValueError as error:
                raise ValueError(f"data.parts: {error}") from error
            found.append((module.source, recordings, module.make_crops(recordings)))
        sizes = np.array([len(crops) for _, _, crops in found], dtype=float)
        raw = sizes**self.temperature if not self.weights else np.array(self.weights)
        shares = raw / raw.sum()
        quotas = _whole_numbers(shares * sizes.sum())
        return Mixture(
            tuple(
                Part(*source, float(share), quota)
                for source, share, quota in zip(found, shares, quotas, strict=True)
            )
        )

    def facts(self) -> dict[str, Any]:
        """As of any recordings, and how much comes from each part, named without its folders."""
        assert self.manifest is not None
        rows = self.manifest.rows()
        parts = [{**row, "source": Path(row["source"].partition("=")[2]).name} for row in rows]
        return {**super().facts(), "parts": parts}

    def make_crops(self, manifest: Mixture) -> MixedCrops:
        return MixedCrops(manifest.parts)

    def make_batches(self, crops: MixedCrops, rank: int, ranks: int) -> EpochBatches:
        assert self.manifest is not None  # `setup` was before
        return MixedBatches(self.manifest.parts, self.batch_size, self.seed, rank, ranks)


def _check_part(number: int, part: Any) -> None:
    name = f"data.parts[{number}]"
    if not isinstance(part, Mapping):
        raise ValueError(f"{name}={part!r}: expected a mapping such as {{root: DIR, weight: 1}}.")
    unknown = sorted(set(part) - set(KEYS))
    if unknown:
        raise ValueError(f"{name}: unknown {', '.join(unknown)}; expected {', '.join(KEYS)}.")
    if (part.get("root") is None) == (part.get("manifest") is None):
        raise ValueError(f"{name}: expected either root or manifest.")
    shards = part.get("shards", False)
    if not isinstance(shards, bool):
        raise ValueError(f"{name}: shards={shards!r}; expected true or false.")
    if shards and part.get("root") is None:
        raise ValueError(f"{name}: shards have a root, not a manifest.")
    if not shards and "seconds_per_crop" in part:
        raise ValueError(f"{name}: seconds_per_crop is for shards; pack the recordings first.")
    weight = part.get("weight", 1)
    is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if weight is not None and not (is_number and 0 <= weight < float("inf")):
        raise ValueError(f"{name}: weight={weight!r}; expected a number from 0.")


def _whole_numbers(amounts: np.ndarray) -> list[int]:
    """Whole numbers of the same sum: rounded down, and the largest rests one more."""
    whole = np.floor(amounts + 1e-9).astype(int)
    rest = round(float(amounts.sum())) - int(whole.sum())
    whole[np.argsort(whole - amounts, kind="stable")[:rest]] += 1
    return [int(number) for number in whole]
