"""What a container says of itself before it is decoded: its end, and whether it is encrypted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from datamodules.audio.parts import Fault, cut_off

_HEAD = 1 << 20
_ENCRYPTED = re.compile(
    rb"sinf.{4}frma"  # MP4: protection scheme
    rb"|\x50\x35[\x80-\xff\x01\x40].{0,12}\x47\xe1"  # Matroska: ContentEncryption
    rb"|\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e"  # ASF
    rb"|\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c",
    re.DOTALL,
)
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_AMR_SIZES = {
    b"#!AMR\n": (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1),
    b"#!AMR-WB\n": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1),
}
"""Bytes of a frame by its type, with the byte that names it (RFC 4867)."""


def check_container(file: BinaryIO, kind: str | None) -> None:
    """Check that a file of this kind ends where it says and isn't encrypted.

    Raises:
        Fault: encrypted, or cut off.
    """
    size = file.seek(0, 2)
    tail = _bytes(file, max(0, size - _HEAD), _HEAD)
    head = _bytes(file, 0, _HEAD)
    if _ENCRYPTED.search(head) or _ENCRYPTED.search(tail):
        raise Fault("encrypted (DRM); get a copy without protection or remove it.")
    end = {
        "MP4": _mp4_end,
        "Matroska": _matroska_end,
        "ASF": _asf_end,
        "AMR": _amr_end,
        "AAC": _adts_end,
    }.get(kind or "")
    promised = end(file, size, head) if end else 0
    if promised > size:
        raise cut_off(size, promised, "bytes")


def _mp4_end(file: BinaryIO, size: int, head: bytes) -> int:
    """Where the last box ends; MP4 needs its index, which may come last."""
    position, names = 0, set()
    while position + 8 <= size:
        box = _bytes(file, position, 16)
        length, name = int.from_bytes(box[:4], "big"), box[4:8]
        names.add(name)
        if length == 1:
            length = int.from_bytes(box[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8:
            break
        position += length
    if b"moov" not in names and position <= size:
        raise Fault("cut off or damaged, it lacks its index (moov); copy or download it again.")
    return position


def _matroska_end(file: BinaryIO, size: int, head: bytes) -> int:
    """Where the segment ends, or 0 where a streaming writer left that open."""
    position = 4
    length, width = _vint(head[position : position + 8])
    position += width + length
    if head[position : position + 4] != b"\x18\x53\x80\x67":
        return 0
    length, width = _vint(head[position + 4 : position + 12])
    return 0 if length == (1 << 7 * width) - 1 else position + 4 + width + length


def _vint(data: bytes) -> tuple[int, int]:
    """EBML's number and its width in bytes."""
    if not data or not data[0]:
        raise Fault("damaged, its header is no Matroska header; copy or download it again.")
    width = 9 - data[0].bit_length()
    value = int.from_bytes(data[:width], "big") & (1 << 7 * width) - 1
    return value, width


def _asf_end(file: BinaryIO, size: int, head: bytes) -> int:
    """The size of the file that its properties name (0 for a broadcast)."""
    position = head.find(_ASF_PROPERTIES)
    if position < 0 or head[position + 88] & 1:
        return 0
    return int.from_bytes(head[position + 40 : position + 48], "little")


def _amr_end(file: BinaryIO, size: int, head: bytes) -> int:
    return max(_frame_ends(file, size, head), default=0)


def _frame_ends(file: BinaryIO, size: int, head: bytes) -> Iterator[int]:
    for magic, sizes in _AMR_SIZES.items():
        if head.startswith(magic):
            data, position = _bytes(file, 0, size), len(magic)
            while position < size:
                position += sizes[data[position] >> 3 & 15]
                yield position


def _adts_end(file: BinaryIO, size: int, head: bytes) -> int:
    """Where the last frame ends, as far as frames follow one another."""
    data, position = _bytes(file, 0, size), 0
    while position + 7 <= size and data[position] == 0xFF and data[position + 1] & 0xF6 == 0xF0:
        length = (data[position + 3] & 3) << 11 | data[position + 4] << 3 | data[position + 5] >> 5
        if length < 7:
            break
        position += length
    return position


def _bytes(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)
