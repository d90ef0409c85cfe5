"""Rows of a table of recordings, CSV or parquet, with its columns under one set of names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from datamodules.tables import read_table

COLUMNS: dict[str, tuple[str, ...]] = {
    "path": ("path", "file", "file_name", "filename", "audio", "speech"),
    "speaker": ("speaker", "speaker_id"),
    "emotion": ("emotion", "label"),
    "split": ("split", "part"),
    "sex": ("sex", "gender"),
    "age": ("age",),
    "language": ("language",),
    "text": ("text", "transcription", "transcript", "sentence"),
    "valence": ("valence",),
    "arousal": ("arousal",),
    "start": ("start",),
    "end": ("end",),
}
"""Names that tables give a column: the first one that a table has counts."""

NEEDED = ("path", "speaker", "emotion")
_PARQUET = (".parquet", ".pq")
_BATCH = 64  # rows with their audio, in memory at a time


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a table, for a reader who looks for the columns of `COLUMNS`.

    Yields:
        where the row is ("mine.csv, line 3"), and column -> text, or as parquet has it; empty cells
        are left out. Audio inside a parquet file is a mapping of `bytes` and `path`.

    Raises:
        ValueError: not such a table, or one that lacks a needed column; names it.
        OSError: can't be read.
    """
    if path.suffix.lower() in _PARQUET:
        yield from _parquet_rows(path)
        return
    chosen: dict[str, str] | None = None
    for number, row in read_table(path, [COLUMNS[column] for column in NEEDED]):
        chosen = chosen or _chosen(row.keys())
        cells = {column: row[name] for column, name in chosen.items() if row.get(name)}
        yield f"{path}, line {number}", cells


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow.parquet  # half a second, which tables of text needn't wait for
    from pyarrow import ArrowException

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = {name.lower(): name for name in schema.names}
            chosen = {column: names[name] for column, name in _chosen(names).items()}
            lacking = [column for column in NEEDED if column not in chosen]
            if lacking:
                raise ValueError(
                    f"{path}: lacks the column(s) {', '.join(lacking)}; it has "
                    f"{', '.join(schema.names)[:200]}."
                )
            classes = _class_names(schema.metadata or {})
            number = 0
            for batch in file.iter_batches(_BATCH, columns=list(chosen.values())):
                for values in batch.to_pylist():
                    number += 1
                    row = {column: values[name] for column, name in chosen.items()}
                    label = row["emotion"]
                    if isinstance(label, int) and 0 <= label < len(
                        classes.get(chosen["emotion"], ())
                    ):
                        row["emotion"] = classes[chosen["emotion"]][label]
                    yield f"{path}, row {number}", _cells(row)
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(
            f"{path}: no parquet file, or a damaged one ({str(error).splitlines()[0][:100]}); copy "
            "it again."
        ) from error


def _chosen(names: Any) -> dict[str, str]:
    """Column -> the name that the table has for it."""
    found = {
        column: next((name for name in alternatives if name in names), None)
        for column, alternatives in COLUMNS.items()
    }
    return {column: name for column, name in found.items() if name is not None}


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for column, value in row.items():
        if isinstance(value, timedelta):
            cells[column] = str(value.total_seconds())
        elif isinstance(value, Mapping):
            cells[column] = value
        elif value is not None and str(value).strip() not in ("", "nan", "NaT"):
            cells[column] = str(value).strip()
    return cells


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Column -> class names, where a table of the Hub keeps numbers."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            name: [str(label) for label in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and isinstance(feature.get("names"), list)
        }
    except (KeyError, TypeError, ValueError):
        return {}
