"""libsndfile decodes a part of a file, in blocks: no memory is asked for by a header's number."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile as sf

from datamodules.audio import mp3
from datamodules.audio.parts import AudioInfo, Fault, Part, PartFile

_AT_ONCE = 1 << 28  # samples, 1 GB: hours
_PREROLL = 8192  # samples, more than a packet of Vorbis

BLOCK = 1 << 20
"""Samples of all channels that are decoded at once."""


def part_info(path: Path, part: Part, size: int) -> AudioInfo:
    """Header of a part.

    Raises:
        sf.LibsndfileError: libsndfile doesn't know this format.
    """
    with _open(_source(path, part, size, 0, 1)[0]) as file:
        frames = file.frames if part.frames is None else part.frames
        return AudioInfo(frames, file.samplerate, file.channels, file.subtype)


def decode_part(path: Path, part: Part, size: int, start: int, frames: int) -> np.ndarray:
    """float32 (up to `frames`, channels) from sample `start` of a part.

    Raises:
        Fault: decoding stops.
    """
    source, skipped = _source(path, part, size, start, frames)
    try:
        with _open(source) as file:
            if part.last_page is not None and skipped > part.last_page - _PREROLL:
                first = max(0, part.last_page - _PREROLL)
                file.seek(first)
                return _read(file, skipped - first + frames)[skipped - first :]
            if isinstance(source, BytesIO):
                return file.read(skipped + frames, dtype="float32", always_2d=True)[skipped:]
            if start and file.seekable():
                file.seek(start)
            elif start:
                _skip(file, start)
            return _read(file, frames)
    except sf.LibsndfileError as error:
        at = f" at sample {start}" if start else ""
        raise Fault(f"cut off or damaged, decoding stops{at} ({error}); copy it again.") from error


def _source(
    path: Path, part: Part, size: int, start: int, frames: int
) -> tuple[Path | BinaryIO, int]:
    """What to open, and where in it sample `start` is.

    MP3: libsndfile's seek isn't exact, and soundfile seeks after each read, so frames are cut out
    and read at once; the first samples of one with a table are those that its decoder gives.
    """
    if part.index is not None and (part.frames is not None or (start and part.index.lead)):
        with path.open("rb") as raw:
            data, skipped = mp3.window(raw, part, start, frames)
        return BytesIO(data), skipped
    if part.is_file(size):
        return path, start
    return BufferedReader(PartFile(path, part)), start


def _read(file: sf.SoundFile, frames: int) -> np.ndarray:
    block = max(1, BLOCK // file.channels)
    if file.subtype.startswith(("MPEG", "VORBIS")) and frames <= _AT_ONCE:
        block = max(1, frames)  # soundfile seeks after each read, which isn't exact here
    blocks, left = [], frames
    while left > 0:
        blocks.append(file.read(min(left, block), dtype="float32", always_2d=True))
        left -= len(blocks[-1])
        if not len(blocks[-1]):
            break
    if len(blocks) == 1:
        return blocks[0]
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)


def _skip(file: sf.SoundFile, frames: int) -> None:
    """Read past samples of a format that libsndfile can't seek in, as GSM."""
    left = frames
    while left > 0:
        read = len(file.read(min(left, BLOCK), dtype="float32"))
        if not read:
            break
        left -= read


@contextmanager
def _open(source: Path | BinaryIO) -> Iterator[sf.SoundFile]:
    try:
        with sf.SoundFile(source) as file:
            yield file
    finally:
        if not isinstance(source, Path):
            source.close()


_stderr_lock = threading.Lock()


@contextmanager
def stderr_to_null() -> Iterator[None]:
    """The MP3 decoder talks on stderr, after a seek for example, of bits of the frame before."""
    with _stderr_lock:
        saved = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(null)
