"""A table as parquet, CSV or npz, written in steps of few rows, with its provenance.

Provenance is JSON: in parquet's metadata under `serab`, as npz's entry `provenance`, and for CSV,
which has no place for it, in TABLE.csv.json.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from datamodules.files import whole_file, write_whole
from serab.escaping import in_csv

if TYPE_CHECKING:
    import pyarrow

SUFFIXES = (".parquet", ".csv", ".npz")
PROVENANCE = "provenance"
_KEY = b"serab"
_BYTES = 8_000_000
"""Of values in a step; parquet's row groups are of that size, whatever the parts were."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows: files, bounds (rows, 2) in s, values float32 (rows, columns), labels if any."""

    files: Sequence[str]
    bounds: np.ndarray
    values: np.ndarray
    labels: Sequence[str] | None = None


@dataclass(frozen=True)
class Layout:
    """What a table has beside `file`.

    Args:
        columns: names of the values.
        windows: whether there are `start` and `end`, in seconds.
        labels: whether there is a `label`.
        vector: the values' name where they are one vector to be kept as such: in parquet one
            column of lists, in npz one array. Otherwise each is a column of its own.
    """

    columns: tuple[str, ...]
    windows: bool
    labels: bool
    vector: str | None = None


def check_suffix(path: Path) -> None:
    """Raise ValueError for an ending that no table has."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--out {path}: expected a file ending in {', '.join(SUFFIXES)}.")


def write_rows(
    path: Path, layout: Layout, rows: Iterable[Rows], count: int, provenance: Mapping[str, Any]
) -> None:
    """Write a table whole or not at all.

    Args:
        path: its ending says the format.
        layout: its columns.
        rows: in their order; few are in memory at a time.
        count: of all rows.
        provenance: what the values depend on.

    Raises:
        OSError: no room or no permission; names the file.
    """
    step = max(1, _BYTES // (4 * max(1, len(layout.columns))))
    text = json.dumps(provenance, indent=1)
    regrouped = _regrouped(rows, step)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        write_whole(sidecar(path), text + "\n")
    with whole_file(path) as file:
        if suffix == ".parquet":
            _write_parquet(file, layout, regrouped, text)
        elif suffix == ".csv":
            _write_csv(file, layout, regrouped)
        else:
            _write_npz(file, layout, regrouped, count, text)


def read_provenance(path: Path) -> dict[str, Any] | None:
    """The provenance of a table; None where there is none that can be read."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            from pyarrow import parquet

            text = (parquet.read_schema(path).metadata or {})[_KEY].decode()
        elif suffix == ".csv":
            text = sidecar(path).read_text(encoding="utf-8")
        else:
            with np.load(path, allow_pickle=False) as arrays:
                text = str(arrays[PROVENANCE])
        provenance = json.loads(text)
    except (OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile):
        return None
    return provenance if isinstance(provenance, dict) else None


def sidecar(path: Path) -> Path:
    """Where the provenance of a CSV file is."""
    return path.with_name(f"{path.name}.json")


def _regrouped(rows: Iterable[Rows], step: int) -> Iterator[Rows]:
    """The same rows, `step` at a time."""
    pending: list[Rows] = []
    count = 0
    for group in rows:
        while len(group.files) + count >= step:
            cut = step - count
            yield _joined([*pending, _slice(group, 0, cut)])
            group, pending, count = _slice(group, cut, len(group.files)), [], 0
        pending.append(group)
        count += len(group.files)
    if count:
        yield _joined(pending)


def _slice(rows: Rows, start: int, end: int) -> Rows:
    labels = None if rows.labels is None else rows.labels[start:end]
    return Rows(rows.files[start:end], rows.bounds[start:end], rows.values[start:end], labels)


def _joined(groups: Sequence[Rows]) -> Rows:
    groups = [group for group in groups if len(group.files)]
    labels = [label for group in groups for label in group.labels or ()]
    return Rows(
        [file for group in groups for file in group.files],
        np.concatenate([group.bounds for group in groups]),
        np.concatenate([group.values for group in groups]),
        labels if groups[0].labels is not None else None,
    )


def _schema(layout: Layout, as_vector: bool) -> pyarrow.Schema:
    import pyarrow

    fields = [("file", pyarrow.string())]
    if layout.windows:
        fields += [("start", pyarrow.float64()), ("end", pyarrow.float64())]
    if layout.labels:
        fields.append(("label", pyarrow.string()))
    if as_vector and layout.vector is not None:
        fields.append((layout.vector, pyarrow.list_(pyarrow.float32(), len(layout.columns))))
    else:
        fields += [(name, pyarrow.float32()) for name in layout.columns]
    return pyarrow.schema(fields)


def _batch(
    rows: Rows, layout: Layout, schema: pyarrow.Schema, files: Sequence[str]
) -> pyarrow.RecordBatch:
    import pyarrow

    arrays = [pyarrow.array(files, pyarrow.string())]
    if layout.windows:
        arrays += [pyarrow.array(rows.bounds[:, 0]), pyarrow.array(rows.bounds[:, 1])]
    if layout.labels:
        arrays.append(pyarrow.array(rows.labels, pyarrow.string()))
    values = np.ascontiguousarray(rows.values, dtype=np.float32)
    if (
        len(schema) == len(arrays) + 1
        and layout.vector is not None
        and layout.vector in schema.names
    ):
        flat = pyarrow.array(values.reshape(-1))
        arrays.append(pyarrow.FixedSizeListArray.from_arrays(flat, len(layout.columns)))
    else:
        arrays += [pyarrow.array(column) for column in np.ascontiguousarray(values.T)]
    return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def _write_parquet(file: IO[bytes], layout: Layout, rows: Iterable[Rows], text: str) -> None:
    from pyarrow import parquet

    schema = _schema(layout, as_vector=True).with_metadata({_KEY: text.encode()})
    options = {"compression": "zstd", "use_dictionary": ["file", "label"]}
    with parquet.ParquetWriter(file, schema, **options) as writer:
        for group in rows:
            writer.write_batch(_batch(group, layout, schema, group.files))


def _write_csv(file: IO[bytes], layout: Layout, rows: Iterable[Rows]) -> None:
    from pyarrow import csv

    schema = _schema(layout, as_vector=False)
    with csv.CSVWriter(file, schema, write_options=csv.WriteOptions(quoting_style="needed")) as out:
        for group in rows:
            out.write_batch(_batch(group, layout, schema, [in_csv(name) for name in group.files]))


def _write_npz(
    file: IO[bytes], layout: Layout, rows: Iterable[Rows], count: int, text: str
) -> None:
    """As `numpy.savez` does, but for the values, which come in steps."""
    files: list[str] = []
    labels: list[str] = []
    bounds = [np.zeros((0, 2))]
    shape = (count, len(layout.columns))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(_entry(layout.vector or "values"), "w", force_zip64=True) as member:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            for group in rows:
                member.write(np.ascontiguousarray(group.values, dtype="<f4").tobytes())
                files += group.files
                labels += group.labels or ()
                bounds.append(group.bounds)
        arrays = {"file": np.array(files, dtype=np.str_), PROVENANCE: np.array(text)}
        if layout.windows:
            arrays["start"], arrays["end"] = np.concatenate(bounds).T
        if layout.labels:
            arrays["label"] = np.array(labels, dtype=np.str_)
        if layout.vector is None:
            arrays["columns"] = np.array(layout.columns, dtype=np.str_)
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            archive.writestr(_entry(name), buffer.getvalue())


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the time of day: equal content is equal bytes."""
    return zipfile.ZipInfo(f"{name}.npy")
