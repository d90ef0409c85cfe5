"""What is embedded so far, in a folder beside the table: a kill costs seconds of work.

A part is a file of its own, written whole: a run of recordings in their order, by the positions of
the first and of the one behind the last. What no part covers is left to do.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import time
import zipfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.files import write_whole
from serab.recordings.embedding import Embedded

FLUSH_SECONDS = 10.0
MOST_BYTES = 32_000_000
"""Of embeddings in a part, and so in memory."""
_JOB, _STATE = "job.json", "state.json"
_NAME = re.compile(r"(\d{9})-(\d{9})\.npz")


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of some recordings: positions (rows,), bounds (rows, 2) in s, embeddings (rows, D)."""

    positions: np.ndarray
    bounds: np.ndarray
    embeddings: np.ndarray


class Parts:
    """The parts of one job.

    Args:
        folder: for them alone; made where it isn't there.
        job: what the rows depend on, as JSON has it.

    Raises:
        ValueError: the folder holds the parts of another job, or something else; says what differs.
    """

    def __init__(self, folder: Path, job: dict[str, Any]):
        self.folder = folder
        kept = _read_json(folder / _JOB)
        if kept is None and any(folder.glob("*.npz")):
            raise ValueError(
                f"{folder}: has parts and no readable {_JOB}; delete the folder and start again."
            )
        if kept is not None and kept != job:
            differing = [
                key for key in dict.fromkeys([*job, *kept]) if job.get(key) != kept.get(key)
            ]
            raise ValueError(
                f"{folder}: holds what another run has embedded so far (its "
                f"{', '.join(differing)} differ); give the arguments of that run, or another "
                "--out, or delete the folder."
            )
        if kept is None:
            write_whole(folder / _JOB, json.dumps(job, indent=1) + "\n")
        self.dimensions = 0
        for start, end in self._ranges():
            self.dimensions = _read_entry(self._path(start, end), "embeddings").shape[1]
            if self.dimensions:
                break

    @property
    def state(self) -> dict[str, Any] | None:
        """What an extractor was fitted to on the recordings, if it was."""
        return _read_json(self.folder / _STATE)

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        write_whole(self.folder / _STATE, json.dumps(state) + "\n")

    def missing(self, total: int) -> list[range]:
        """Positions up to `total` that no part covers."""
        found, reached = [], 0
        for start, end in [*self._ranges(), (total, total)]:
            if start > reached:
                found.append(range(reached, start))
            reached = max(reached, end)
        return found

    def add(self, recordings: Iterable[Embedded]) -> Generator[Embedded, None, None]:
        """Pass recordings of consecutive positions on, and keep them.

        Raises:
            ValueError: one with another number of dimensions than those before.
        """
        pending: list[Embedded] = []
        began, size = time.monotonic(), 0
        try:
            for recording in recordings:
                self._check_dimensions(recording)
                pending.append(recording)
                size += recording.embeddings.nbytes
                if size > MOST_BYTES or time.monotonic() - began > FLUSH_SECONDS:
                    self._write(pending)
                    pending, began, size = [], time.monotonic(), 0
                yield recording
        finally:
            if pending:
                self._write(pending)

    def __iter__(self) -> Iterator[Part]:
        """The parts that have rows, in the order of their recordings.

        Raises:
            ValueError: a damaged one; names it.
        """
        for start, end in self._ranges():
            part = _read_part(self._path(start, end))
            if len(part.positions):
                yield part

    def faults(self) -> dict[int, str]:
        """Why recordings have no rows, by position; reads no embeddings."""
        faults: dict[int, str] = {}
        for start, end in self._ranges():
            faults |= _read_faults(self._path(start, end))
        return faults

    def rows(self) -> int:
        """Rows of all parts; reads no embeddings."""
        return sum(
            len(_read_entry(self._path(start, end), "positions")) for start, end in self._ranges()
        )

    def discard(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check_dimensions(self, recording: Embedded) -> None:
        if recording.fault is not None:
            return
        dimensions = recording.embeddings.shape[1]
        self.dimensions = self.dimensions or dimensions
        if dimensions != self.dimensions:
            raise ValueError(
                f"recording {recording.position + 1} has {dimensions} dimensions where others have "
                f"{self.dimensions}; an extractor must pool to a constant width."
            )

    def _ranges(self) -> list[tuple[int, int]]:
        matches = [_NAME.fullmatch(path.name) for path in self.folder.glob("*.npz")]
        return sorted((int(match[1]), int(match[2])) for match in matches if match)

    def _path(self, start: int, end: int) -> Path:
        return self.folder / f"{start:09}-{end:09}.npz"

    def _write(self, recordings: list[Embedded]) -> None:
        used = [recording for recording in recordings if recording.fault is None]
        faults = {r.position: r.fault for r in recordings if r.fault is not None}
        buffer = io.BytesIO()
        np.savez(
            buffer,
            positions=np.repeat([r.position for r in used], [len(r.bounds) for r in used]).astype(
                np.int64
            ),
            bounds=np.concatenate([np.zeros((0, 2)), *(r.bounds for r in used)]),
            embeddings=np.concatenate([r.embeddings for r in used]) if used else np.zeros((0, 0)),
            faults=np.array(json.dumps(faults)),
        )
        path = self._path(recordings[0].position, recordings[-1].position + 1)
        write_whole(path, buffer.getvalue())


def _read_part(path: Path) -> Part:
    names = ("positions", "bounds", "embeddings")
    return Part(*(_read_entry(path, name) for name in names))


def _read_faults(path: Path) -> dict[int, str]:
    faults = json.loads(str(_read_entry(path, "faults")))
    return {int(position): fault for position, fault in faults.items()}


def _read_entry(path: Path, name: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as part:
            return part[name]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: damaged; delete this file and give the same command, which embeds its "
            "recordings again."
        ) from error


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
