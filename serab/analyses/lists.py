"""Split lists as others publish them: JSON lines and tables, which part each recording is in."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.tables import read_table
from serab.splits import PARTS

NAME_KEYS = ("wav", "path", "file", "file_name", "filename", "audio", "file_id", "key", "id")
SPLIT_KEYS = ("split", "subset", "partition", "set", "part", "fold")
_PART = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "eval": "test",
    "tst": "test",
}
_SUFFIXES = (".jsonl", ".csv", ".tsv")


@dataclass
class Fold:
    """One division: names of recordings, as the lists have them, by part."""

    name: str
    parts: dict[str, list[str]] = field(default_factory=lambda: {part: [] for part in PARTS})


@dataclass(frozen=True)
class Row:
    """A recording's name, and the part or number of the fold that its row or file says."""

    name: str
    part: str


def list_files(paths: Sequence[Path]) -> list[Path]:
    """The list files among `paths` and in the folders among them, sorted.

    Raises:
        ValueError: none, or one that isn't there or of another kind.
    """
    files = []
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path}: no such file or folder; give split lists.")
        found = [path] if path.is_file() else [p for p in path.iterdir() if p.suffix in _SUFFIXES]
        if any(file.suffix not in _SUFFIXES for file in found) or not found:
            raise ValueError(
                f"{path}: no split list; expected JSON lines (.jsonl) or a table (.csv, .tsv)."
            )
        files += sorted(found)
    return files


def read_list(path: Path) -> list[Row]:
    """The rows of one file.

    The part is that of a column (split, subset, ...), or else of the file's name.

    Raises:
        ValueError: rows that name no recording or no part; names file and line.
    """
    rows = []
    of_file = _part_of_file(path)
    for number, cells in _cells(path):
        name = next((str(cells[key]) for key in NAME_KEYS if cells.get(key)), None)
        if name is None:
            raise ValueError(
                f"{path}, line {number}: names no recording; expected one of "
                f"{', '.join(NAME_KEYS)} and there is {', '.join(map(str, cells))}."
            )
        text = next((str(cells[key]) for key in SPLIT_KEYS if cells.get(key)), of_file or "")
        part = _PART.get(text.strip().lower(), text.strip())
        if part not in PARTS and not part.isdigit():
            raise ValueError(
                f"{path}, line {number}: its part is {text!a}; expected train, validation or test "
                f"or the number of a fold, in a column ({', '.join(SPLIT_KEYS)}) or in the file's "
                "name."
            )
        rows.append(Row(name, part))
    if not rows:
        raise ValueError(f"{path}: has no rows; give a split list.")
    return rows


def folds(files: Sequence[tuple[Path, Sequence[Row]]]) -> list[Fold]:
    """The divisions that the files of one corpus make.

    Files whose names say fold_1, fold_2, ... are a division each. Where rows have the number of a
    fold, each number is tested once and trained on otherwise.
    """
    found: dict[str, Fold] = {}
    numbered: dict[str, list[str]] = defaultdict(list)
    for path, rows in files:
        match = re.search(r"fold[_-]?(\d+)", path.stem)
        name = match[1] if match else "1"
        for row in rows:
            if row.part.isdigit():
                numbered[row.part].append(row.name)
            else:
                found.setdefault(name, Fold(name)).parts[row.part].append(row.name)
    for number, names in sorted(numbered.items()):
        others = [name for other, part in numbered.items() if other != number for name in part]
        found[number] = Fold(number, {"train": others, "validation": [], "test": names})
    return [found[name] for name in sorted(found, key=lambda name: (len(name), name))]


def _part_of_file(path: Path) -> str | None:
    words = re.split(r"[^a-z]+", path.stem.lower())
    return next((_PART[word] for word in words if word in _PART), None)


def _cells(path: Path) -> Iterator[tuple[int, dict]]:
    if path.suffix != ".jsonl":
        yield from read_table(path, _columns(path))
        return
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: isn't JSON; mend the line.") from error
        if not isinstance(cells, dict):
            raise ValueError(f"{path}, line {number}: isn't an object; mend the line.")
        yield number, cells


def _columns(path: Path) -> list[str]:
    """The columns that a table must have, of those that it may call them."""
    with path.open("rb") as file:
        header = file.readline().decode("utf-8-sig", "replace").lower()
    fields = [field.strip() for field in re.split(r"[,;\t]", header)]
    name = next((key for key in NAME_KEYS if key in fields), None)
    part = next((key for key in SPLIT_KEYS if key in fields), None)
    if name is None or (part is None and _part_of_file(path) is None):
        raise ValueError(
            f"{path}: its first line must name a column of recordings ({', '.join(NAME_KEYS)}) and "
            f"one of parts ({', '.join(SPLIT_KEYS)}); it has {', '.join(fields)[:200]}."
        )
    return [name] + ([part] if part is not None else [])
