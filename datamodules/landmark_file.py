"""The landmarks of many recordings in one file, beside the encoder that heard them.

A zip of blocks of recordings, so that neither writing nor reading has more than one in memory:

    00000.json    name, SHA-256 of file and of audio, and number of peaks of each recording
    00000.bins    frequency bins of all their peaks: little-endian uint16, first all low bytes
    00000.frames  frames from peak to peak, uint32 in the same way
    about.json    version, recordings, seconds, digest; written last
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from datamodules.files import whole_file
from datamodules.landmarks import Peaks, Sound
from datamodules.typed_json import Count, parse, sealed

VERSION = 1
SUFFIX = ".landmarks.zip"
ABOUT = "about.json"
BLOCK = 1_000
ADVICE = "write it again with `python -m datamodules.listening RECORDINGS --out FILE`"
BINS, STEPS = np.dtype("<u2"), np.dtype("<u4")


@dataclass(frozen=True)
class About:
    """Of whom the landmarks are.

    Attributes:
        version: of the file and of how peaks are found.
        recordings, seconds: that were heard.
        digest: of the recordings, as in an encoder's header.
        unreadable: those that weren't, and why.
    """

    version: int
    recordings: Count
    seconds: float
    digest: str
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Block:
    rows: list[tuple[str, str, str, Count]]


def landmark_path(encoder: Path) -> Path:
    """Where the landmarks of what an encoder heard are, beside its file."""
    return encoder.with_name(encoder.name.removesuffix(".safetensors") + SUFFIX)


def write_landmarks(
    path: Path, sounds: Iterable[Sound | tuple[str, str]], seconds: float, digest: str
) -> About:
    """Write the landmarks of recordings as they come, whole or not at all.

    Args:
        path: of the file.
        sounds: recordings; of one that can't be read its name and why.
        seconds, digest: as in `About`.

    Raises:
        ValueError: no recording can be read.
        OSError: the file can't be written.
    """
    unreadable, block, written = {}, [], 0
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for sound in sounds:
            if isinstance(sound, tuple):
                unreadable[sound[0]] = sound[1]
                continue
            block.append(sound)
            if len(block) == BLOCK:
                _write_block(archive, written // BLOCK, block)
                written, block = written + BLOCK, []
        if block:
            _write_block(archive, written // BLOCK, block)
        about = About(VERSION, written + len(block), seconds, digest, unreadable)
        if not about.recordings:
            raise ValueError(
                f"{path}: none of {len(unreadable)} recordings can be read, the first: "
                f"{next(iter(unreadable.values()), 'there is none')}"
            )
        _add(archive, ABOUT, json.dumps(sealed(asdict(about)), indent=1).encode())
    return about


def read_about(path: Path) -> About:
    """Of whom a file's landmarks are.

    Raises:
        ValueError: it isn't there, of something else, damaged, or of another version.
    """
    with _opened(path) as archive:
        about = parse(_content(path, archive, ABOUT), About, f"{path}: {ABOUT}", ADVICE)
    if about.version != VERSION:
        raise ValueError(
            f"{path}: landmarks of version {about.version}; expected {VERSION}; {ADVICE}."
        )
    return about


def read_landmarks(path: Path) -> Iterator[Sound]:
    """The recordings of a file, a block of them in memory at a time.

    Raises:
        ValueError: as `read_about`.
    """
    blocks = -(-read_about(path).recordings // BLOCK)
    with _opened(path) as archive:
        for number in range(blocks):
            yield from _read_block(path, archive, number)


def _write_block(archive: zipfile.ZipFile, number: int, sounds: list[Sound]) -> None:
    rows = [(s.name, s.file, s.audio, len(s.peaks.bins)) for s in sounds]
    _add(archive, f"{number:05}.json", json.dumps({"rows": rows}).encode())
    bins = np.concatenate([s.peaks.bins for s in sounds])
    steps = np.concatenate([np.diff(s.peaks.frames, prepend=0) for s in sounds])
    _add(archive, f"{number:05}.bins", _planes(bins.astype(BINS)))
    _add(archive, f"{number:05}.frames", _planes(steps.astype(STEPS)))


def _read_block(path: Path, archive: zipfile.ZipFile, number: int) -> Iterator[Sound]:
    name = f"{number:05}.json"
    rows = parse(_content(path, archive, name), _Block, f"{path}: {name}", ADVICE).rows
    counts = [count for _, _, _, count in rows]
    bins, steps = (
        _from_planes(_content(path, archive, f"{number:05}.{part}"), kind)
        for part, kind in (("bins", BINS), ("frames", STEPS))
    )
    if not len(bins) == len(steps) == sum(counts):
        raise ValueError(f"{path}: block {number} has not as many peaks as it says; {ADVICE}.")
    edges = np.cumsum(counts)[:-1]
    parts = zip(rows, np.split(bins, edges), np.split(steps, edges), strict=True)
    for (name, file, audio, _), which, when in parts:
        yield Sound(name, file, audio, Peaks(which, np.cumsum(when)))


def _planes(numbers: np.ndarray) -> bytes:
    """All low bytes first: they deflate better apart from the high ones."""
    return numbers.view(np.uint8).reshape(-1, numbers.itemsize).T.tobytes()


def _from_planes(content: bytes, kind: np.dtype) -> np.ndarray:
    whole = len(content) // kind.itemsize * kind.itemsize
    planes = np.frombuffer(content[:whole], np.uint8).reshape(kind.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(kind).ravel().astype(np.int64)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """At no time of its own: equal landmarks are equal files."""
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: no file of landmarks ({error}); {ADVICE}.") from error


def _content(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except KeyError:
        raise ValueError(f"{path}: has no {name}; {ADVICE}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path}: {name} is damaged ({error}); {ADVICE}.") from error
