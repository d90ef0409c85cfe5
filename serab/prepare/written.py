"""Recordings of a user's corpus that are written: packed into a table, or parts of longer ones."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import soundfile as sf

from datamodules.audio import AudioError, read_audio
from serab.corpora.records import Name
from serab.prepare.errors import PrepareError
from serab.prepare.own import Entry, end_of

_ENDING = re.compile("[.][a-z0-9]{1,5}")


def write_recordings(
    entries: Iterable[Entry], folder: Path, base: Path
) -> Iterator[tuple[Name, str]]:
    """Write what lies inside tables, or is a part of a recording, into `folder` as it comes.

    Args:
        entries: rows; those of one recording after the other decode it once.
        folder: for the recordings, which get numbers for names.
        base: what `Entry.file` is relative to.

    Yields:
        name, and the path of its recording: below `folder`, or where it is, if that is whole.

    Raises:
        PrepareError: a part that begins or ends beyond its recording.
        OSError: no space.
    """
    decoded: tuple[Path, Any, int] | None = None
    for number, entry in enumerate(entries):
        source = base / entry.file
        if entry.in_place:
            yield entry.name, str(source.resolve())
            continue
        if entry.packed is not None:
            ending = Path(entry.file).suffix.lower()
            source = folder / f"{number:06d}{ending if _ENDING.fullmatch(ending) else '.wav'}"
            source.write_bytes(entry.packed)
            if entry.start is None and entry.end is None:
                yield entry.name, source.name
                continue
        target = folder / f"{number:06d}-part.wav"
        try:
            if entry.packed is not None or decoded is None or decoded[0] != source:
                decoded = (source, *read_audio(source))
        except AudioError:  # the check of all recordings names it, and why
            if source.is_file():
                shutil.copyfile(source, target)
            yield entry.name, target.name
            continue
        _, waveform, rate = decoded
        first = round((entry.start or 0.0) * rate)
        last = len(waveform) if entry.end is None else round(entry.end * rate)
        if first >= len(waveform) or last > len(waveform) + rate // 100:  # 10 ms of rounding
            raise PrepareError(
                f"{entry.row}: the part from {entry.start or 0:g} s to {end_of(entry.end)} is "
                f"beyond the end of {entry.file}, which lasts {len(waveform) / rate:.3f} s."
            )
        sf.write(target, waveform[first:last], rate, "FLOAT", format="WAV")
        if entry.packed is not None:
            source.unlink()
        yield entry.name, target.name
