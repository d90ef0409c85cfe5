"""Where a file's audio lies: one part or several, each with a header that can be believed."""

from __future__ import annotations

import io
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

RATES = (4_000, 192_000)
"""Sample rates (Hz) that speech comes in; outside of them a header is wrong."""

LOUDEST = 100.0
"""Floats are meant to stay within ±1 and may overshoot a little; integers can't."""

TAIL = 0.1
"""Seconds: less than this behind or beyond what a header says is no speech lost."""


class AudioError(ValueError):
    """A recording that can't be used; the message names the file, the cause and the way out."""


class Fault(Exception):
    """What is wrong with the bytes of a file; `reading` makes an `AudioError` with its name."""


def cut_off(there: int, promised: int, unit: str) -> Fault:
    """The sentence for a file that ends before its header says."""
    return Fault(
        f"cut off or damaged, its header says {promised:,} {unit} and {there:,} are there; copy or "
        "download it again."
    )


def longer(there: int, promised: int, unit: str) -> Fault:
    """The sentence for a file that goes on after its header says."""
    return Fault(
        f"its header says {promised:,} {unit} and {there:,} are there; write the file again with "
        "a right header (or cut it there), as it is the rest would be lost."
    )


@dataclass(frozen=True)
class AudioInfo:
    """Header of a recording: frames (samples a channel), sample_rate (Hz), channels, subtype."""

    frames: int
    sample_rate: int
    channels: int
    subtype: str

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


@dataclass(frozen=True, eq=False)
class Part:
    """Bytes `start` to `stop` of a file, to be decoded as one stream of audio.

    Attributes:
        frames: samples a channel that were counted, or None where the stream's header is right.
        patches: (offset in the file, bytes): what its header should say.
        index: where the frames of an MP3 lie.
        last_page: sample at which the last page of a Vorbis stream begins; libvorbis seeks to the
            wrong place in it.
    """

    start: int
    stop: int
    frames: int | None = None
    patches: tuple[tuple[int, bytes], ...] = ()
    index: FrameIndex | None = None
    last_page: int | None = None

    def is_file(self, size: int) -> bool:
        """Whether the file can be decoded as it is."""
        return (self.start, self.stop) == (0, size) and not self.patches


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """Where the frames of an MP3 lie.

    Attributes:
        offsets: of every `mp3.STRIDE`th frame, bytes.
        frames, samples: how many frames, and samples a channel of each.
        header: of the first, four bytes.
        lead: samples that a table says to drop at the beginning; None without a table.
    """

    offsets: array[int]
    frames: int
    samples: int
    header: bytes
    lead: int | None


class PartFile(io.RawIOBase):
    """A part as a file of its own, to read."""

    def __init__(self, path: Path, part: Part):
        self.file: BinaryIO = path.open("rb")
        self.part, self.position = part, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position}.get(
            whence, self.part.stop - self.part.start
        )
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # a writable buffer
        begin = self.part.start + self.position
        self.file.seek(begin)
        data = bytearray(self.file.read(max(0, min(len(buffer), self.part.stop - begin))))
        for offset, right in self.part.patches:
            for index, byte in enumerate(right, offset - begin):
                if 0 <= index < len(data):
                    data[index] = byte
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()
