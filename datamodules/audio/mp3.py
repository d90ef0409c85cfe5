"""MP3 has no length but the number of its frames: they are walked, header by header.

A table of the length (Xing, Info, VBRI) is only believed where it names as many frames as there
are. Without one, libsndfile estimates the length from the first frame's bit rate, which is wrong
for a variable one; so it is shown the frames behind a table of our own, and only those that a crop
needs.
"""

from __future__ import annotations

import mmap
from array import array
from dataclasses import dataclass, replace
from typing import BinaryIO

from datamodules.audio.kinds import id3_length
from datamodules.audio.parts import Fault, FrameIndex, Part, cut_off

STRIDE = 8
"""An index keeps the offset of every so many frames."""

_RESERVOIR = 512 + 1000  # bytes that a frame's data may begin before it, and a frame to overlap
_JUNK = 1 << 16  # bytes before the first frame at most
_DECODER_DELAY = 529  # samples that mpg123 drops where there is a table
_BITRATES = {  # (MPEG 1, layer): kbit/s
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


@dataclass(frozen=True)
class Header:
    """What a frame's four bytes say: sizes in bytes, samples a channel, rate in Hz."""

    mpeg1: bool
    layer: int
    sample_rate: int
    mono: bool
    samples: int
    size: int


def parse_header(four: bytes) -> Header | None:
    """Header of a frame, or None where these four bytes are none (or have a free bit rate)."""
    word = int.from_bytes(four, "big")
    version, layer = word >> 19 & 3, 4 - (word >> 17 & 3)
    bits, rate, padding = word >> 12 & 15, word >> 10 & 3, word >> 9 & 1
    if word >> 21 != 0x7FF or version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    mpeg1, sample_rate = version == 3, _RATES[version][rate]
    samples = {1: 384, 2: 1152, 3: 1152 if mpeg1 else 576}[layer]
    bitrate = _BITRATES[mpeg1, layer][bits - 1] * 1000
    if layer == 1:
        size = (12 * bitrate // sample_rate + padding) * 4
    else:
        size = samples // 8 * bitrate // sample_rate + padding
    return Header(mpeg1, layer, sample_rate, word >> 6 & 3 == 3, samples, size)


_HEADERS: dict[int, Header | None] = {}  # by the bits that matter, filled as they come


def _header_at(data: bytes | mmap.mmap, position: int) -> Header | None:
    word = (
        int.from_bytes(data[position : position + 4], "big") & 0xFFFFFEC0
    )  # private bit and last bits
    try:
        return _HEADERS[word]
    except KeyError:
        header = parse_header(word.to_bytes(4, "big"))
        if header is not None:
            _HEADERS[word] = header
        return header


def mp3_parts(file: BinaryIO, start: int, stop: int) -> list[Part]:
    """Streams between two bytes of a file: one, or several that were written one after the other.

    Raises:
        Fault: no frame, cut off in a frame or before what its table says, bytes in between that
            are no frame, or another sample rate or number of channels in mid-stream.
    """
    size = file.seek(0, 2)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        parts: list[Part] = []
        position = _skip_tags(data, start, stop)
        first = _header_at(data, position)
        if first is None:
            raise Fault("not audio that can be decoded, no frame of MP3 at its start; remove it.")
        while position < stop:
            part, position = _stream(data, position, stop, first)
            parts.append(part)
            position = _skip_tags(data, position, stop)
        if len(parts) == 1 and parts[0].frames is None and start == 0 and stop == size:
            return [replace(parts[0], start=0, stop=size)]  # the decoder steps over the tags itself
        return parts


def first_frame(file: BinaryIO) -> int | None:
    """Where the first three frames in a row are, behind bytes that are none; None without."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = data.find(b"\xff")
        while 0 <= position < _JUNK:
            behind, rates = position, set()
            for _ in range(3):
                header = _header_at(data, behind)
                if header is None:
                    break
                behind += header.size
                rates.add(header.sample_rate)
            else:
                if len(rates) == 1:
                    return position
            position = data.find(b"\xff", position + 1)
    return None


def _stream(data: mmap.mmap, position: int, stop: int, first: Header) -> tuple[Part, int]:
    """The stream that begins at a frame, and where it ends: at a tag, a table or the end."""
    begin, table = position, _table(data, position, first)
    if table is not None:
        position += first.size
    body, offsets, count, header = position, array("Q"), 0, None
    while position < stop:
        header = _header_at(data, position)
        if header is None or (count and _is_table(data, position, header)):
            break
        if (header.sample_rate, header.mono) != (first.sample_rate, first.mono):
            before, after = (
                f"{h.sample_rate} Hz {'mono' if h.mono else 'stereo'}" for h in (first, header)
            )
            raise Fault(
                f"changes from {before} to {after} in mid-file (at byte {position:,}); convert it "
                "to one of them."
            )
        if position + header.size > stop:
            raise cut_off(stop - position, header.size, "bytes of its last frame")
        if count % STRIDE == 0:
            offsets.append(position)
        count, position = count + 1, position + header.size
    end = position
    if not count:
        raise Fault("holds no samples, only a header; remove it or copy it again.")
    table = table or _Table(None, None)
    promised = table.frames
    counts_itself = promised == count + 1 and table.size == end - begin
    if promised and promised > count and not counts_itself:
        raise cut_off(count, promised, "frames")
    if position < stop and header is None and not _is_tag(data, position):
        rest = data[position : min(stop, position + 65_536)]
        if any(rest) and promised != count:  # a table says that all is there: the rest isn't audio
            raise Fault(
                f"damaged or cut off, what follows at byte {position:,} is no frame of MP3; copy "
                "or download it again."
            )
        position = stop
    index = FrameIndex(offsets, count, first.samples, data[body : body + 4], table.lead)
    if promised == count:
        return Part(begin, end, index=index), position
    untabled = replace(index, lead=None) if first.layer == 3 else None
    return Part(body, end, frames=count * first.samples, index=untabled), position


def window(file: BinaryIO, part: Part, start: int, frames: int) -> tuple[bytes, int]:
    """An MP3 of the frames that hold `frames` samples from `start`, and where in it these begin.

    It begins early enough for what a frame takes from those before it, and with a silent frame, of
    which mpg123 drops the decoder's delay.
    """
    index = part.index
    assert index is not None
    silence = _silent_frame(index.header)
    start += index.lead or 0
    first, last = start // index.samples, -(-(start + frames) // index.samples)
    anchor = first // STRIDE
    while anchor > 0 and _audio_bytes(index, anchor, first) < _RESERVOIR:
        anchor -= 1
    after = -(-last // STRIDE)
    end = index.offsets[after] if after < len(index.offsets) else part.stop
    file.seek(index.offsets[anchor])
    data = file.read(end - index.offsets[anchor])
    stored = min(after * STRIDE, index.frames) - anchor * STRIDE
    position = start - (anchor * STRIDE - 1) * index.samples - _DECODER_DELAY
    return _with_table(silence, stored + 1) + silence + data, position


def _audio_bytes(index: FrameIndex, anchor: int, frame: int) -> int:
    """Least bytes of audio between an indexed frame and the indexed one before another frame."""
    last = frame // STRIDE
    length = index.offsets[last] - index.offsets[anchor]
    return length - 38 * (last - anchor) * STRIDE  # without headers


@dataclass(frozen=True)
class _Table:
    """What a table says: frames, bytes with itself, samples to drop at the beginning."""

    frames: int | None
    size: int | None
    lead: int | None = None


def _table_position(first: Header) -> int:
    return 4 + ((17 if first.mono else 32) if first.mpeg1 else (9 if first.mono else 17))


def _is_table(data: mmap.mmap, position: int, header: Header) -> bool:
    xing = position + _table_position(header)
    if header.layer != 3:
        return False
    if data[xing : xing + 4] in (b"Xing", b"Info"):  # mpg123 wants nothing in front of it
        return not any(data[position + 4 : xing])
    return data[position + 36 : position + 40] == b"VBRI"


def _table(data: mmap.mmap, position: int, header: Header) -> _Table | None:
    """What the table in this frame says, or None where it is a frame of audio."""
    if not _is_table(data, position, header):
        return None
    if data[position + 36 : position + 40] == b"VBRI":
        numbers = [int.from_bytes(data[p : p + 4], "big") for p in (position + 46, position + 50)]
        return _Table(numbers[1] or None, numbers[0])
    xing = position + _table_position(header)
    flags = int.from_bytes(data[xing + 4 : xing + 8], "big")
    numbers = [int.from_bytes(data[p : p + 4], "big") for p in (xing + 8, xing + 12)]
    frames = numbers.pop(0) if flags & 1 else 0
    size = numbers.pop(0) if flags & 2 else None
    lame = xing + 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2
    delay = int.from_bytes(data[lame + 21 : lame + 23], "big") >> 4
    named = data[lame : lame + 4] in (b"LAME", b"Lavc", b"Lavf", b"GOGO")
    return _Table(frames or None, size, delay + _DECODER_DELAY if named else None)


def _silent_frame(four: bytes) -> bytes:
    """A frame of no audio, with room for a table, of the format that a header says."""
    word = int.from_bytes(four, "big") & ~0xF200 | 0x10000  # without a checksum and padding
    for bits in range(1, 15):
        four = (word | bits << 12).to_bytes(4, "big")
        header = parse_header(four)
        if header is not None and header.size >= 100:
            break
    assert header is not None
    return four + bytes(header.size - 4)


def _with_table(silence: bytes, frames: int) -> bytes:
    """The silent frame with an Info table that says how many frames follow."""
    header = parse_header(silence[:4])
    assert header is not None
    position = _table_position(header)
    table = b"Info" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
    return silence[:position] + table + silence[position + len(table) :]


def _is_tag(data: mmap.mmap, position: int) -> bool:
    return data[position : position + 3] in (b"ID3", b"TAG") or data[position : position + 8] in (
        b"APETAGEX",
        b"LYRICSBE",
    )


def _skip_tags(data: mmap.mmap, position: int, stop: int) -> int:
    """Where the next frame is, behind ID3, APE and Lyrics3 tags and zeros, or `stop`."""
    while position < stop:
        if length := id3_length(data[position : position + 10]):
            position += length
        elif data[position : position + 3] == b"TAG":
            position += 128
        elif data[position : position + 8] == b"APETAGEX":
            flags = int.from_bytes(data[position + 20 : position + 24], "little")
            length = int.from_bytes(data[position + 12 : position + 16], "little")
            position += length + 32 if flags & 0x20000000 else 32
        elif data[position : position + 11] == b"LYRICSBEGIN":
            end = data.find(b"LYRICS", position + 11, stop)
            position = end + 9 if end > 0 else stop
        elif data[position] == 0:
            end = position
            while end < stop and data[end] == 0:
                end += 1
            position = end
        else:
            break
    return min(position, stop)
