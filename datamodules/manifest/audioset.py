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

ID_LENGTH = 11
_TIMES = re.compile(r"[_-](?P<start>\d+(?:\.\d+)?)(?:[_-](?P<end>\d+(?:\.\d+)?))?")


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
    except (OSError, ValueError, KeyError, TypeError) as error:
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

    A name holds an id that stands free in it: `ID`, `YID`, `[ID]`, `id_ID`, `Title [ID]`,
    `ID_Original` and the like, and behind it may be the times, in seconds or milliseconds:
    `ID_30`, `ID_30.0-40.0`, `ID_30000_40000`. A name with two ids is used for neither. Where an id
    has several segments, a name without a start is no segment's in particular, so it isn't used.
    Of several files of a segment the first is taken that can be decoded.

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
    paths: dict[Segment, list[str]] = {}
    counts: Counter[str] = Counter()
    for path in sorted(_walk(audio)):
        matches = _matches(Path(path).stem, by_id)
        if len(matches) > 1:
            counts["files with the ids of several segments in their name"] += 1
            continue
        named = _segment(*matches.popitem(), by_start, by_id) if matches else None
        if named is None:
            counts["files of no speech segment"] += 1
        else:
            paths.setdefault(named, []).append(path)
            counts["files of a segment that has one"] += len(paths[named]) > 1
    found = {segment: _first_usable(audio, names) for segment, names in paths.items()}
    counts = Counter({reason: count for reason, count in counts.items() if count})
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


def _matches(stem: str, by_id: dict[str, list[Segment]]) -> dict[str, str]:
    """The ids that stand free in a file's name, and what comes behind each."""
    if stem in by_id:
        return {stem: ""}
    found = {}
    for start in range(len(stem) - ID_LENGTH + 1):
        end = start + ID_LENGTH
        is_free = not stem[end : end + 1].isalnum() and (
            start == 0 or not stem[start - 1].isalnum() or stem[:start] == "Y"
        )
        if is_free and stem[start:end] in by_id:
            found[stem[start:end]] = stem[end:]
    return found


def _segment(
    name: str,
    behind: str,
    by_start: dict[tuple[str, int], Segment],
    by_id: dict[str, list[Segment]],
) -> Segment | None:
    """The segment that an id and the times behind it stand for."""
    times = _TIMES.fullmatch(behind)
    if times is None:
        return by_id[name][0] if len(by_id[name]) == 1 else None
    start, end = times["start"], times["end"]
    seconds = by_start.get((name, round(float(start) * 1000)))
    if "." in start:
        return seconds
    milliseconds = by_start.get((name, int(start)))
    if seconds is None or milliseconds is None:
        return seconds or milliseconds
    # 30 s and 30,000 ms are told apart by the end; without one small numbers are seconds
    in_milliseconds = end is not None and int(float(end)) == round(milliseconds.end * 1000)
    return milliseconds if in_milliseconds else seconds


def _first_usable(root: Path, paths: Sequence[str]) -> str:
    """The first that can be decoded; the first where none can, which then says why."""
    if len(paths) == 1:
        return paths[0]
    for path in paths:
        try:
            probe_audio(root / path)
        except (AudioError, OSError):
            continue
        return path
    return paths[0]


def _walk(root: Path) -> Iterable[str]:
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            if name.lower().endswith(SUFFIXES_HELD):
                yield (Path(folder) / name).relative_to(root).as_posix()
