"""The table of the released BYOL-A and BYOL-S weights: released.csv, as records.

Which of the two large CvT files is pooled to 512 and which to 2,048 dimensions is told by no
shape: it follows the dates and batch sizes in their names, and awaits a score.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Release:
    """A published file of weights.

    Attributes:
        name: of the system.
        encoder: one of `models.encoders.ENCODERS`.
        git_sha1: SHA-1 (hex) of `blob SIZE\\0` and the content, as git names a file.
        bytes: its size, or None where it isn't known.
        licence: "MIT", or "NTT" for weights that are for evaluation only.
        url: where it lies, at a fixed commit.
    """

    name: str
    encoder: str
    git_sha1: str
    bytes: int | None
    licence: str
    url: str

    @property
    def file(self) -> Path:
        """Where it is cached: below `$XDG_CACHE_HOME`, or `~/.cache`."""
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache) / "serab" / "weights" / f"{self.name}.pth"


def _read_table() -> dict[str, Release]:
    found = {}
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            size = row.pop("bytes")
            found[row["name"]] = Release(**row, bytes=int(size) if size else None)
    return found


RELEASED = _read_table()
