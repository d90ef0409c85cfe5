"""AudioSet's speech subset: labels below `Speech` in the ontology, joined to the files at hand."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.audio import SUFFIXES, AudioError, probe_audio

SPEECH, MUSIC, SYNTHETIC = "/m/09x0r", "/m/04rlf", "/m/0brhx"
"""Ids of the ontology: Speech, Music, Speech synthesizer."""

SUFFIXES_HELD = (*SUFFIXES, ".m4a", ".webm", ".mp4", ".aac", ".mkv")
"""Endings that downloads come in; those that can't be decoded are told so, not passed over."""

_FREE = re.compile(r"(?P<id>[A-Za-z0-9_-]{11})(?P<rest>(?:[^A-Za-z0-9].*)?)$", re.DOTALL)
"""An id of YouTube (11 characters) with no letter or digit behind it."""

_TIMES = re.compile(r"_(?P<start>\d+(?:\.\d+)?)(?:[_-](?P<end>\d+(?:\.\d+)?))?")


class AudioSetError(ValueError):
    """A list or an ontology that isn't AudioSet's; the message names the file and line."""


@dataclass(frozen=True)
class Segment:
    """A labelled clip: YouTube id, start and end in its video (s), label ids."""

    id: str
    start: float
    end: float
    labels: frozenset[str]


def descendants(ontology: str | Path, root: str = SPEECH) -> frozenset[str]:
    """Ids of `root` and of everything below it in `ontology.json`.

    Raises:
        AudioSetError: not the ontology's format, or `root` isn't in it.
    """
    path = Path(ontology)
    try:
        children = {e["id"]: e["child_ids"] for e in json.loads(path.read_text("utf-8"))}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise AudioSetError(
            f"{path}: not AudioSet's ontology ({error}); expected ontology.json, a list of entries "
            "with id and child_ids."
        ) from error
    if root not in children:
        raise AudioSetError(f"{path}: has no label {root}; expected AudioSet's ontology.json.")
    found, left = set(), [root]
    while left:
        label = left.pop()
        if label not in found:
            found.add(label)
            left += children.get(label, [])
    return frozenset(found)


def read_segments(path: str | Path) -> list[Segment]:
    """Rows of a segments file: `YTID, start_seconds, end_seconds, positive_labels`.

    Raises:
        AudioSetError: a row of another form; names its line.
    """
    segments = []
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, skipinitialspace=True)
            for row in rows:
                if not row or row[0].startswith("#") or row[0] in ("YTID", "segment_id"):
                    continue
                try:
                    name, start, end, labels = row
                    segment = Segment(
                        name, float(start), float(end), frozenset(labels.strip().split(","))
                    )
                except ValueError as error:
                    raise AudioSetError(
                        f"{path}: line {rows.line_num} is {','.join(row)!r}; expected YTID, "
                        'start_seconds, end_seconds, "label,label".'
                    ) from error
                segments.append(segment)
    except OSError as error:
        raise AudioSetError(f"{path}: can't be read ({error.strerror}); check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise AudioSetError(f"{path}: not a CSV file in UTF-8 ({error}); get it again.") from error
    return segments


@dataclass(frozen=True)
class Joined:
    """Speech segments and their files.

    Attributes:
        found: (segment, path relative to the audio folder), sorted by path.
        absent: speech segments without a file.
        counts: what the lists hold and what was left out, by reason.
    """

    found: tuple[tuple[Segment, str], ...]
    absent: tuple[Segment, ...]
    counts: dict[str, int]


def speech_segments(
    segments: Iterable[Segment], speech: frozenset[str], excluded: frozenset[str] = frozenset()
) -> tuple[list[Segment], dict[str, int]]:
    """Segments with a label in `speech` and none in `excluded`, each once; and the counts."""
    counts: Counter[str] = Counter()
    chosen: dict[tuple[str, float], Segment] = {}
    for segment in segments:
        counts["listed"] += 1
        if not segment.labels & speech:
            counts["without speech"] += 1
        elif segment.labels & excluded:
            counts["excluded for another label"] += 1
        elif (segment.id, segment.start) in chosen:
            counts["listed again"] += 1
        else:
            chosen[segment.id, segment.start] = segment
    return list(chosen.values()), dict(counts)


def join_files(segments: Sequence[Segment], audio: str | Path) -> Joined:
    """Find each segment's file in a folder tree.

    A file belongs to the segment whose id (11 of `A-Za-z0-9_-`) stands free in its name, with or
    without a `Y` before it: `ID`, `YID`, `id_ID`, `[ID]`, `ID_Original` and so on. Behind the id
    may stand `_START`, `_START_END` or `_START-END` in seconds or milliseconds. Where an id has
    several segments, a name without a start is no segment's in particular, so it isn't used; nor is
    a name with the ids of two videos. Of several files the first that can be read is taken. Hidden
    and trash folders are passed over.

    Raises:
        AudioSetError: no such folder, or none of the segments has a file.
    """
    audio = Path(audio)
    if not audio.is_dir():
        raise AudioSetError(f"--audio {audio}: no such folder; give the one with the recordings.")
    by_start = {(s.id, round(s.start * 1000)): s for s in segments}
    by_id: dict[str, list[Segment]] = {}
    for segment in segments:
        by_id.setdefault(segment.id, []).append(segment)
    files: dict[Segment, list[str]] = {}
    counts: Counter[str] = Counter()
    paths, hidden = _list_audio(audio)
    for path in paths:
        named = {
            match
            for name, start, end in _ids(Path(path).stem, by_id)
            if (match := _segment(name, start, end, by_start, by_id)) is not None
        }
        if len(named) == 1:
            files.setdefault(named.pop(), []).append(path)
        else:
            counts["files of two segments" if named else "files of no speech segment"] += 1
    found: dict[Segment, str] = {}
    for segment, copies in files.items():
        found[segment] = _first_usable(audio, copies)
        if len(copies) > 1:
            counts["files of a segment that has one"] += len(copies) - 1
    if hidden:
        counts["hidden folders passed over"] = hidden
    if not found:
        raise AudioSetError(
            f"--audio {audio}: none of {len(segments)} speech segments has a file there; expected "
            "names such as ID.wav, YID.wav, ID_START_END.flac or ID_STARTMS.wav."
        )
    absent = tuple(segment for segment in segments if segment not in found)
    counts["absent"] = len(absent)
    counts["found"] = len(found)
    pairs = sorted(found.items(), key=lambda pair: pair[1])
    return Joined(tuple(pairs), absent, dict(counts))


def _ids(stem: str, by_id: dict[str, list[Segment]]) -> list[tuple[str, str | None, str | None]]:
    """Known ids that stand free in a file's name, each with the start and end behind it."""
    if stem in by_id:  # an id may itself begin with Y
        return [(stem, None, None)]
    found = []
    for at in range(len(stem)):
        match = _FREE.match(stem, at)
        name = match["id"] if match else ""
        if match is None or name not in by_id or not _starts_free(stem, at):
            continue
        times = _TIMES.fullmatch(match["rest"])
        found.append((name, times["start"], times["end"]) if times else (name, None, None))
    return found


def _starts_free(stem: str, at: int) -> bool:
    """Whether no letter or digit stands before a place, but for the `Y` that some tools write."""
    before = stem[:at]
    return not before[-1:].isalnum() or (before[-1] == "Y" and not before[-2:-1].isalnum())


def _first_usable(audio: Path, paths: Sequence[str]) -> str:
    """The first path whose recording can be read; the first of all where none can."""
    if len(paths) == 1:
        return paths[0]
    for path in paths:
        try:
            probe_audio(audio / path)
        except (AudioError, OSError):
            continue
        return path
    return paths[0]


def _segment(
    name: str,
    start: str | None,
    end: str | None,
    by_start: dict[tuple[str, int], Segment],
    by_id: dict[str, list[Segment]],
) -> Segment | None:
    if start is None:
        return by_id[name][0] if len(by_id[name]) == 1 else None
    seconds = by_start.get((name, round(float(start) * 1000)))
    if "." in start:
        return seconds
    milliseconds = by_start.get((name, int(start)))
    if seconds is None or milliseconds is None:
        return seconds or milliseconds
    # 30 s and 30,000 ms are told apart by the end; without one small numbers are seconds
    in_milliseconds = end is not None and int(float(end)) == round(milliseconds.end * 1000)
    return milliseconds if in_milliseconds else seconds


def _list_audio(root: Path) -> tuple[list[str], int]:
    """Relative paths of audio below a folder, sorted, and how many hidden folders there are."""
    paths, hidden = [], 0
    visited = set()
    for folder, below, names in os.walk(root, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            below.clear()  # a link that leads back
            continue
        visited.add((status.st_dev, status.st_ino))
        hidden += sum(map(_is_hidden, below))
        below[:] = [name for name in below if not _is_hidden(name)]
        for name in names:
            if name.lower().endswith(SUFFIXES_HELD) and not name.startswith("."):
                paths.append((Path(folder) / name).relative_to(root).as_posix())
    return sorted(paths), hidden


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".") or folder.upper() in ("__MACOSX", "$RECYCLE.BIN")
