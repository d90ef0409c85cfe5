"""The JSON-lines files of a run directory, read as records and replaced whole."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Generic, TypeVar

from datamodules.typed_json import parse
from serab.results.checksums import CHANGED, read_checked, write_checked
from serab.results.findings import ANALYSES, Finding
from serab.results.records import ClassifierResult, LayerScores, Predictions, RegressionResult

RESULTS, PREDICTIONS, REGRESSION = "results.jsonl", "predictions.jsonl", "regression.jsonl"
LAYERS = "layers.jsonl"

Record = TypeVar("Record", ClassifierResult, Predictions, RegressionResult, LayerScores, Finding)


class Rows(Generic[Record]):
    """Records of one kind in one file; each change replaces the file whole.

    Raises:
        ValueError: a file that holds something else, names the line; or that was changed.
    """

    def __init__(self, path: Path, kind: type[Record]):
        self.path = path
        rows, unchanged = read_rows(path, kind)
        if not unchanged:
            raise ValueError(
                f"{path}: {CHANGED}; `python -m serab.verify {path.parent}` says which numbers "
                "don't hold; copy it again, or evaluate in another run_dir."
            )
        self._by_slot: dict[tuple, Record] = {row.slot: row for row in rows}

    def __iter__(self) -> Iterator[Record]:
        return iter(self._by_slot.values())

    def find(self, slot: tuple) -> Record | None:
        return self._by_slot.get(slot)

    def of_split(self, split: tuple) -> tuple[Record, ...]:
        return tuple(row for row in self if row.slot[: len(split)] == split)

    def put(self, *rows: Record) -> None:
        """Keep rows, in place of those of the same slots."""
        self._by_slot |= {row.slot: row for row in rows}
        self._write()

    def drop(self, slots: Iterable[tuple]) -> None:
        slots = [slot for slot in slots if slot in self._by_slot]
        for slot in slots:
            del self._by_slot[slot]
        if slots:
            self._write()

    def _write(self) -> None:
        write_checked(self.path, "".join(json.dumps(_values(row)) + "\n" for row in self))


def _values(row: Record) -> dict:
    """What a line has: all fields, but optional ones only where they say something."""
    values = asdict(row)
    optional = [f.name for f in fields(row) if f.metadata.get("optional")]
    return {
        name: value for name, value in values.items() if value is not None or name not in optional
    }


class RunFiles:
    """The result files of a run directory."""

    def __init__(self, run_dir: Path):
        self.run_dir = run_dir
        self.results = Rows(run_dir / RESULTS, ClassifierResult)
        self.predictions = Rows(run_dir / PREDICTIONS, Predictions)
        self.regression = Rows(run_dir / REGRESSION, RegressionResult)
        self.layers = Rows(run_dir / LAYERS, LayerScores)
        self.findings = Rows(run_dir / ANALYSES, Finding)

    def check(self, protocols: Collection[str], extractor_fingerprint: str) -> None:
        """Raise ValueError where the directory holds a run of something else."""
        self.check_extractor(extractor_fingerprint)
        for row in (*self.results, *self.regression):
            foreign = row.extractor_fingerprint != extractor_fingerprint
            if foreign or row.protocol not in protocols:
                raise ValueError(
                    f"run_dir={self.run_dir}: holds results of {row.extractor} under the "
                    f"{row.protocol} protocol, from another encoder or protocol than this run's; "
                    "choose another run_dir."
                )

    def check_extractor(self, fingerprint: str) -> None:
        """Raise ValueError where the directory holds results or findings of another encoder."""
        for row in (*self.results, *self.regression, *self.findings):
            if row.extractor_fingerprint != fingerprint:
                raise ValueError(
                    f"run_dir={self.run_dir}: holds results of {row.extractor}, from another "
                    "encoder than this run's; choose another run_dir."
                )

    def check_folds(self, task: str, protocol: str, folds: int | None) -> None:
        """Raise ValueError where the directory holds other divisions of the task's speakers."""
        for row in (*self.results, *self.regression):
            if (row.task, row.protocol) == (task, protocol) and row.folds != folds:
                there = "single splits" if row.folds is None else f"{row.folds} folds"
                raise ValueError(
                    f"run_dir={self.run_dir}: holds results of {task} over {there} of the "
                    "speakers, and this run divides them otherwise; choose another run_dir."
                )

    def drop_stale(
        self, rows: Rows[ClassifierResult] | Rows[RegressionResult], split: tuple, source: tuple
    ) -> None:
        """Forget results of this split that are of another corpus index or scikit-learn."""
        stale = [row.slot for row in rows.of_split(split) if row.source != source]
        rows.drop(stale)
        self.predictions.drop(stale)
        self.layers.drop(stale)


def read_rows(path: Path, kind: type[Record]) -> tuple[list[Record], bool]:
    """The records of a file, and whether they are what was written, as far as a checksum tells.

    Raises:
        ValueError: a line that isn't such a record, or two of the same slot; names file and line.
    """
    content, unchanged = read_checked(path)
    rows: dict[tuple, Record] = {}
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    for number, line in enumerate(lines, 1):
        source = f"{path}: line {number}"
        row = parse(line, kind, source, "copy the file again, or use another run_dir")
        if row.slot in rows:
            slot = ", ".join(map(str, row.slot))
            raise ValueError(f"{source}: a second result of {slot}; copy the file again.")
        rows[row.slot] = row
    return list(rows.values()), unchanged
