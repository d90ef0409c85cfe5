"""Which recordings are meant: a folder, a glob, a list, a manifest or files, in their order."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from datamodules.audio import SUFFIXES, shown_path, walk_audio
from datamodules.tables import find_file, read_table

LISTS, MANIFESTS = (".txt", ".lst"), (".csv", ".tsv")
"""Endings of lists of paths, one a line, and of tables with a column `path`."""
_PART = ("start", "end")


@dataclass(frozen=True)
class Inputs:
    """Recordings by path, each once, in the order in which they were given.

    Attributes:
        paths: as a table names them; a folder's are sorted.
        left_out: path -> why it is passed over: hidden files, folders that can't be opened.
        columns: of a manifest, by name (lower case), one cell a recording.
    """

    paths: tuple[str, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over paths, sizes and times of the files: another one is another job."""
        digest = hashlib.sha256()
        for path in self.paths:
            try:
                status = os.stat(path)
                stamp = f"{status.st_size} {status.st_mtime_ns}"
            except (OSError, ValueError):
                stamp = "absent"
            digest.update(f"{path}\t{stamp}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of a manifest's column, none of them empty.

        Raises:
            ValueError: the recordings come from elsewhere, no such column, or an empty cell.
        """
        if name.lower() not in self.columns:
            there = ", ".join(self.columns) or "none, as the recordings don't come from a manifest"
            raise ValueError(
                f"column {name}: there is no such column (there is {there}); give a CSV with the "
                f"columns path and {name}."
            )
        cells = self.columns[name.lower()]
        empty = [path for path, cell in zip(self.paths, cells, strict=True) if not cell]
        if empty:
            raise ValueError(
                f"column {name}: is empty for {len(empty)} recordings, {empty[0]} is the first; "
                "fill it in."
            )
        return cells


def find_recordings(arguments: Sequence[str]) -> Inputs:
    """The recordings that the arguments of a command mean.

    Args:
        arguments: each a folder (its tree is searched by ending), a glob (`**` too), a list
            (.txt, one path a line), a manifest (.csv or .tsv with a column `path`), or a
            recording. Paths in lists and manifests are absolute or relative to the file.

    Raises:
        ValueError: nothing there, no recording in it, or the same file twice; one sentence.
        OSError: a list that can't be read.
    """
    found: list[str] = []
    left_out: dict[str, str] = {}
    columns: dict[str, tuple[str, ...]] = {}
    for argument in arguments:
        path = Path(argument).expanduser()
        suffix = path.suffix.lower()
        if path.is_dir():
            found += _in_folder(path, left_out)
        elif path.is_file() and suffix in LISTS:
            found += _in_list(path)
        elif path.is_file() and suffix in MANIFESTS:
            listed, columns = _in_manifest(path)
            found += listed
        elif path.exists():
            found.append(str(path))
        elif glob.has_magic(argument):
            found += _in_glob(argument, left_out)
        else:
            raise ValueError(
                f"{argument}: no such file or folder; give a folder, a glob in quotes, a list "
                "(.txt), a manifest (.csv) or recordings."
            )
    if len(arguments) > 1:
        columns = {}  # they don't cover what the other arguments bring
    if not found:
        raise ValueError(
            f"{', '.join(arguments)}: no recordings in it; expected files ending in "
            f"{', '.join(SUFFIXES)}."
        )
    _check_once(found)
    return Inputs(tuple(found), left_out, columns)


def _in_folder(folder: Path, left_out: dict[str, str]) -> list[str]:
    names, unreadable, passed_over = walk_audio(folder)
    left_out |= {str(folder / name): why for name, why in (unreadable | passed_over).items()}
    return [str(folder / name) for name in names]


def _in_glob(pattern: str, left_out: dict[str, str]) -> list[str]:
    found: list[str] = []
    for match in sorted(glob.glob(os.path.expanduser(pattern), recursive=True)):
        if match.lower().endswith(SUFFIXES):
            found.append(match)
        elif os.path.isfile(match):
            left_out[shown_path(match)] = "its ending isn't that of a recording; passed over."
    return found


def _in_list(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise ValueError(f"{path}: can't be read ({error.strerror}); check the path.") from error
    return list(_beside(path, (line for line in text.splitlines() if line.strip())))


def _in_manifest(path: Path) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    try:
        rows = [row for _, row in read_table(path, ("path",), any_names=True)]
    except OSError as error:
        raise ValueError(f"{path}: can't be read ({error.strerror}); check the path.") from error
    parts = [name for name in _PART if any(row.get(name) for row in rows)]
    if parts:
        raise ValueError(
            f"{path}: has a column {parts[0]}, and parts of recordings aren't read here; cut them "
            "out first, or remove the column and give --segments."
        )
    names = rows[0] if rows else {}
    columns = {name: tuple(row.get(name, "") for row in rows) for name in names if name != "path"}
    return list(_beside(path, (row["path"] for row in rows))), columns


def _beside(path: Path, names: Iterable[str]) -> Iterator[str]:
    """Paths that a file lists, which are relative to it."""
    for name in names:
        yield str(path.parent / find_file(path.parent, name.strip()))


def _check_once(paths: Sequence[str]) -> None:
    first: dict[str, str] = {}
    for path in paths:
        real = os.path.realpath(path) if "\0" not in path else path
        if real in first:
            other = "" if first[real] == path else f", as {shown_path(first[real])} too"
            raise ValueError(
                f"{shown_path(path)}: is given twice{other}; give each recording once."
            )
        first[real] = path
