"""Ogg: every page carries a checksum and a number; the decoders skip bad pages without a word.

Streams written one after the other (chained) are parts. A missing end mark is no fault where the
last page is whole: recorders that are switched off leave it out.
"""

from __future__ import annotations

import mmap
import zlib
from typing import BinaryIO

from datamodules.audio.parts import Fault, Part

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_BEGINS = 2
_NO_GRANULE = b"\xff" * 8  # no packet ends on this page


def ogg_parts(file: BinaryIO, size: int) -> list[Part]:
    """The chained streams of a file, after all of its pages were checked.

    Raises:
        Fault: cut off in a page, a page that is damaged or missing, several streams side by side.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        starts: list[int] = []
        numbers: dict[bytes, int] = {}  # last page of each stream of the present link
        began = -1
        lasts: list[int | None] = []
        granule = 0
        position = 0
        while position < size:
            header = data[position : position + 27]
            if header[:4] != b"OggS":
                if len(header) < 4 and b"OggS".startswith(header):
                    raise _cut_off()
                raise Fault(
                    f"damaged, what follows at byte {position:,} is no page of Ogg; copy or "
                    "download it again."
                )
            segments = (
                data[position + 27 : position + 27 + header[26]] if len(header) == 27 else b""
            )
            length = 27 + len(segments) + sum(segments)
            if len(header) < 27 or len(segments) < header[26] or position + length > size:
                raise _cut_off()
            if page_checksum(data[position : position + length]) != header[22:26]:
                raise Fault(
                    f"damaged, the page at byte {position:,} fails its checksum; copy or download "
                    "it again."
                )
            serial, number = header[14:18], int.from_bytes(header[18:22], "little")
            if header[5] & _BEGINS:
                if began == position and numbers:
                    raise Fault(
                        "several streams side by side in one Ogg file (a video's sound?); extract "
                        "the one with speech."
                    )
                starts.append(position)
                lasts.append(0 if b"\x01vorbis" in data[position + 28 : position + 36] else None)
                granule = 0
                numbers = {}
                began = position + length
            elif serial not in numbers or number != numbers[serial] + 1:
                raise Fault(
                    f"damaged, pages are missing before byte {position:,}; copy or download it "
                    "again."
                )
            if lasts[-1] is not None and header[6:14] != _NO_GRANULE:
                lasts[-1], granule = granule, int.from_bytes(header[6:14], "little")
            numbers[serial] = number
            position += length
    ends = [*starts[1:], size]
    return [
        Part(begin, end, last_page=last)
        for begin, end, last in zip(starts, ends, lasts, strict=True)
    ]


def page_checksum(page: bytes) -> bytes:
    """CRC-32 of a page with its checksum field as zeros, as the four bytes of that field.

    Ogg's CRC (polynomial 0x04c11db7) takes the bits of a byte from the other end than zlib's and
    begins with 0, so mirrored bytes give a mirrored checksum.
    """
    mirrored = (page[:22] + b"\0\0\0\0" + page[26:]).translate(_MIRRORED)
    crc = zlib.crc32(mirrored, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "little").translate(_MIRRORED)[::-1]


def _cut_off() -> Fault:
    return Fault("cut off in the middle of a page; copy or download it again.")
