"""Tables that people write: other separators, a byte-order mark, accents in either form."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

_SEPARATORS = (",", ";", "\t", "|")


def read_table(
    path: Path, columns: Sequence[str | Sequence[str]], *, any_names: bool = False
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file with a header, separated by comma, semicolon, tab or bar.

    Args:
        columns: that the header must name, several names of one being a tuple of them; others
            are passed on too. Case and blanks around the names don't matter.
        any_names: cells may hold bytes that aren't UTF-8, as file names do.

    Yields:
        Line number (from 1) and column -> cell, without blanks around it.

    Raises:
        ValueError: not UTF-8, no such column, a row that lacks one of `columns`, not a table.
        OSError: can't be read.
    """
    text = _decode(path.read_bytes(), path, any_names)
    names = [(column,) if isinstance(column, str) else tuple(column) for column in columns]
    for separator in _SEPARATORS:
        rows = _rows(text, path, separator)
        fields = [cell.strip().lower() for cell in next(rows, (0, []))[1]]
        if all(set(alternatives) & set(fields) for alternatives in names):
            break
        if separator == _SEPARATORS[0] or len(fields) > 1:
            lacking = [a[0] for a in names if not set(a) & set(fields)]
    else:
        raise ValueError(
            f"{path}: lacks the column(s) {', '.join(lacking)}; its first line must name "
            f"{' and '.join(a[0] for a in names)}, separated by comma, semicolon or tab."
        )
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        row = {name: cell.strip() for name, cell in zip(fields, cells, strict=False)}
        absent = [a[0] for a in names if not set(a) & row.keys()]
        if absent:
            raise ValueError(
                f"{path}, line {number}: has {len(cells)} cells where the header has "
                f"{len(fields)}, so {absent[0]!r} is missing; complete the row."
            )
        yield number, row


def find_file(root: Path, name: str) -> str:
    """`name`, or where no such file is below `root`, its NFC or NFD spelling if that is there.

    macOS writes accents as two characters (NFD), other systems as one.
    """
    for form in ("NFC", "NFD"):
        try:
            if (root / name).exists():
                return name
            other = unicodedata.normalize(form, name)
            if (root / other).exists():
                return other
        except (OSError, ValueError):  # no name that a file can have
            return name
    return name


def _decode(content: bytes, path: Path, any_names: bool) -> str:
    try:
        return content.decode("utf-8-sig", "surrogateescape" if any_names else "strict")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8.") from error


def _rows(text: str, path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.line_num}: not a row of a table ({error}); mend the quotes."
        ) from error
