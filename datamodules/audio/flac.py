"""FLAC: the last frame's number tells how many samples there are, whatever the header says.

A writer into a pipe leaves 0 in the header; then the count is put there. Streams that were written
one after the other are parts.
"""

from __future__ import annotations

import mmap
import re
from typing import BinaryIO

from datamodules.audio.parts import Fault, Part, cut_off, longer

_STREAM = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # and the header of its STREAMINFO
_FRAME = re.compile(rb"\xff[\xf8\xf9]")
_RATES = (
    0,
    88_200,
    176_400,
    192_000,
    8_000,
    16_000,
    22_050,
    24_000,
    32_000,
    44_100,
    48_000,
    96_000,
)
"""Hz by the code in a frame's header; 0: as the stream's header."""

_LARGEST = 1 << 24  # bytes of a frame at most


def flac_parts(file: BinaryIO, size: int, start: int = 0) -> list[Part]:
    """The streams of a file, after each one's length was compared with its last frame.

    Raises:
        Fault: no whole header or frame, cut off, or longer than the header says.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        begins = [match.start() for match in _STREAM.finditer(data, start)]
        if not begins or begins[0] != start:
            raise Fault("damaged, its header is no FLAC header; copy or download it again.")
        parts = []
        for begin, end in zip(begins, [*begins[1:], size], strict=True):
            parts.append(_part(data, begin, end))
        return [Part(0, size, patches=parts[0].patches)] if len(parts) == 1 else parts


def _part(data: mmap.mmap, begin: int, end: int) -> Part:
    info = data[begin + 8 : begin + 42]
    if len(info) < 34:
        raise Fault("cut off or damaged, its header is no FLAC header; copy or download it again.")
    block = int.from_bytes(info[:2], "big")
    fixed = info[:2] == info[2:4]
    promised = int.from_bytes(info[13:18], "big") & (1 << 36) - 1
    _check_rate(data, begin, end, int.from_bytes(info[10:13], "big") >> 4)
    there = _samples(data, begin + 42, end, block if fixed else 0, promised)
    if there is None:
        raise Fault("cut off or damaged, no whole frame of FLAC in it; copy or download it again.")
    if promised == there:
        return Part(begin, end)
    if promised > there:
        raise cut_off(there, promised, "samples")
    if promised:
        raise longer(there, promised, "samples")
    right = (int.from_bytes(info[13:18], "big") | there).to_bytes(5, "big")
    return Part(begin, end, patches=((begin + 21, right),))


def _check_rate(data: mmap.mmap, begin: int, end: int, rate: int) -> None:
    """The first frame says the rate again, where it is a usual one."""
    for match in _FRAME.finditer(data, begin + 42, end):
        if _ends(data, match.start(), 0) is not None:
            code = data[match.start() + 2] & 15
            if code < len(_RATES) and _RATES[code] not in (0, rate):
                raise Fault(
                    f"damaged, its header says {rate} Hz and its first frame {_RATES[code]} Hz; "
                    "copy or download it again."
                )
            return


def _samples(data: mmap.mmap, begin: int, end: int, block: int, promised: int) -> int | None:
    """Samples a channel before the end of the last frame; `block`: of a fixed-size stream.

    Chance makes a header here and there in the audio, so they must be like the first frame's, and
    one that ends where the stream should is believed.
    """
    candidates = (match.start() for match in _FRAME.finditer(data, begin, end))
    first = next((position for position in candidates if _ends(data, position, block)), None)
    if first is None:
        return None
    alike = _likeness(data, first)
    stop, reach = end, 1 << 16
    while stop > first:
        low = max(first, end - reach)
        places = [m.start() for m in _FRAME.finditer(data, low, min(stop + 1, end))]
        ends = [
            _ends(data, position, block)
            for position in places
            if _likeness(data, position) == alike
        ]
        if promised in ends:
            return promised
        if found := [end for end in ends if end is not None]:
            return found[-1]
        if reach >= _LARGEST:
            return None
        stop, reach = low, reach * 4
    return None


def _likeness(data: mmap.mmap, position: int) -> tuple[int, ...]:
    """What the headers of all frames of a stream share: blocking, rate, channels, bits a sample."""
    header = data[position : position + 4].ljust(4, b"\0")
    channels = header[3] >> 4
    return header[1], header[2] & 15, 1 if 8 <= channels <= 10 else channels, header[3] & 15


def _ends(data: mmap.mmap, position: int, block: int) -> int | None:
    return _last_sample(data[position : position + 16], block)


def _last_sample(head: bytes, fixed_block: int) -> int | None:
    """Samples up to a frame's end by its header, or None where its checksum fails."""
    if len(head) < 16:
        head = head.ljust(16, b"\0")
    lead = head[4]
    extra = 0 if lead < 0x80 else next((n for n in range(7) if not lead << n & 0x80), 7) - 1
    if extra < 0 or head[3] & 1:
        return None
    number = lead if extra == 0 else lead & 0x3F >> extra
    for byte in head[5 : 5 + extra]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    position = 5 + extra
    code, rate = head[2] >> 4, head[2] & 15
    if code == 0 or rate == 15:
        return None
    if code in (6, 7):
        width = code - 5
        samples = int.from_bytes(head[position : position + width], "big") + 1
        position += width
    else:
        samples = 192 if code == 1 else 576 << code - 2 if code < 6 else 256 << code - 8
    position += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if position >= len(head) or _crc8(head[:position]) != head[position]:
        return None
    variable = head[1] & 1
    return (number if variable else number * (fixed_block or samples)) + samples


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc8_table() -> bytes:
    table = bytearray()
    for crc in range(256):
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
        table.append(crc)
    return bytes(table)


_CRC8 = _crc8_table()
