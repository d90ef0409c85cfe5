"""A user's corpus from tables: every row checked, by itself and beside the others."""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datamodules.tables import find_file
from serab.corpora.records import Name, sex_of
from serab.prepare.errors import PrepareError
from serab.prepare.rows import read_rows

TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq")
"""Endings of tables that a corpus can be made from."""

_PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "devel", "val", "valid", "validation", "evaluation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_CLOCK = re.compile(r"(?:(\d+) days? )?(\d+):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True)
class Entry:
    """One row: what it says of the utterance, its recording, and which part of it (seconds).

    `file` is as in the table, relative to its folder or absolute; `packed` holds the bytes of a
    recording that lies inside the table.
    """

    row: str
    name: Name
    file: str
    packed: bytes | None = None
    start: float | None = None
    end: float | None = None

    @property
    def in_place(self) -> bool:
        """Whether the recording is used where it is."""
        return self.packed is None and self.start is None and self.end is None


@dataclass
class Unread:
    """Cells that are passed over, counted: ages that are no number, other sexes."""

    cells: Counter[str] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        return [f"{count} rows have {what}" for what, count in sorted(self.cells.items())]


def read_own(tables: Sequence[Path], unread: Unread) -> Iterator[Entry]:
    """The rows of tables, each checked by itself and against those before it.

    Raises:
        ValueError: no such table, or one that lacks a column.
        PrepareError: an empty cell, a value that can't be, a recording or part of one twice.
    """
    rows: dict[tuple, tuple[str, str]] = {}
    for table in tables:
        for row, cells in read_rows(table):
            entry = _entry(row, cells, table, unread)
            recording = os.path.normpath(table.parent / entry.file)
            key: tuple = (unicodedata.normalize("NFC", recording), entry.start, entry.end)
            emotion = entry.name.emotion or ""
            if key in rows:
                other_row, other = rows[key]
                label = (
                    "" if other == emotion else f", under another label ({other}, here {emotion})"
                )
                raise PrepareError(
                    f"{row}: {entry.file} is there twice, first in {other_row.rsplit(', ', 1)[1]}"
                    f"{label}; keep one of the two lines."
                )
            rows[key] = row, emotion
            yield entry
    if not rows:
        raise PrepareError(f"{', '.join(map(str, tables))}: lists no recordings.")


def _entry(row: str, cells: Mapping[str, Any], table: Path, unread: Unread) -> Entry:
    audio, speaker, emotion = (cells.get(column) for column in ("path", "speaker", "emotion"))
    packed = None
    if isinstance(audio, Mapping):
        packed, audio = audio.get("bytes"), audio.get("path")
        if packed is not None and not audio:
            audio = f"{table.stem} {row.rsplit(', ', 1)[1]}"
    if not (audio and speaker and emotion):
        raise PrepareError(f"{row}: path, speaker or emotion is empty; complete the row.")
    start, end = (_seconds(row, column, cells.get(column)) for column in ("start", "end"))
    start = start if start or end is not None else None  # from 0 to no end: all of it
    if end is not None and end <= (start or 0.0):
        raise PrepareError(
            f"{row}: ends at {end:g} s and starts at {start or 0:g} s; the end must be later."
        )
    file = str(audio) if packed is not None else _found(table.parent, str(audio))
    key = file if start is None and end is None else f"{file}#{start or 0:g}-{end_of(end)}"
    sex, age = sex_of(cells.get("sex")), _number_or_none(cells.get("age"))
    if cells.get("sex") and sex is None:
        unread.cells["a sex other than female and male, taken as not known"] += 1
    if cells.get("age") and age is None:
        unread.cells["an age that is no number of years, taken as not known"] += 1
    name = Name(
        id=key,
        speaker=str(speaker),
        group=str(speaker),
        emotion=str(emotion),
        sex=sex,
        age=age,
        language=cells.get("language"),
        text=cells.get("text"),
        part=_part(row, cells.get("split")),
        valence=_number(row, "valence", cells.get("valence")),
        arousal=_number(row, "arousal", cells.get("arousal")),
    )
    return Entry(row, name, file, packed, start, end)


def check_parts(entries: Sequence[Name], code: str) -> list[str]:
    """Check official parts; returns a note where speakers are in two of them.

    Raises:
        PrepareError: rows without a part among those with one, no training or no test part, or a
            class that is tested and not trained.
    """
    parts = Counter(name.part for name in entries)
    if set(parts) == {None}:
        return []
    if None in parts:
        raise PrepareError(
            f"{code}: {parts[None]} of {len(entries)} rows have no split; give all of them one of "
            "train, validation, test, or none."
        )
    lacking = [part for part in ("train", "test") if part not in parts]
    if lacking:
        raise PrepareError(f"{code}: its split column names no {' and no '.join(lacking)} part.")
    classes = {part: {n.emotion for n in entries if n.part == part} for part in parts}
    untrained = sorted(str(e) for e in classes["test"] - classes["train"])
    if untrained:
        raise PrepareError(
            f"{code}: the test part has utterances of {', '.join(untrained)} and the training part "
            "none, so they can't be recognised; move some, or leave the class out."
        )
    people = defaultdict(set)
    for name in entries:
        people[name.speaker].add(name.part)
    shared = sorted(speaker for speaker, found in people.items() if len(found) > 1)
    if not shared:
        return []
    return [
        f"a leak: {len(shared)} speakers are in more than one official part "
        f"({', '.join(shared[:5])}{' …' if len(shared) > 5 else ''}); protocol=strict refuses it "
        "unless allow_leaks=true"
    ]


def _found(folder: Path, listed: str) -> str:
    """A path as the table has it, or with Windows' separators turned, where that is there."""
    found = find_file(folder, listed)
    if "\\" in listed and not (folder / found).exists():
        turned = find_file(folder, listed.replace("\\", "/"))
        if (folder / turned).exists():
            return turned
    return found


def _part(row: str, text: str | None) -> str | None:
    if not text:
        return None
    part = _PARTS.get(text.strip().lower())
    if part is None:
        raise PrepareError(f"{row}: split is {text!a}; expected train, validation (dev) or test.")
    return part


def _seconds(row: str, column: str, text: str | None) -> float | None:
    """Seconds of a number, or of a clock as audformat writes them (0 days 00:00:01.5)."""
    if not text or text == "NaT":
        return None
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        days, hours, minutes, seconds = clock.groups()
        return (int(days or 0) * 24 + int(hours)) * 3600 + int(minutes) * 60 + float(seconds)
    value = _number(row, column, text)
    if value is not None and value < 0:
        raise PrepareError(f"{row}: {column} is {text} s; expected 0 or more.")
    return value


def _number(row: str, column: str, text: str | None) -> float | None:
    if not text:
        return None
    value = _number_or_none(text)
    if value is None:
        raise PrepareError(f"{row}: {column} is {text!a}; expected a number.")
    return value


def _number_or_none(text: str | None) -> float | None:
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def end_of(end: float | None) -> str:
    """The end of a part in words."""
    return "end" if end is None else f"{end:g}"
