"""WAV, RF64, W64, AIFF, AU, SPHERE and CAF: is the audio there that the header promises?

Writers into a pipe can't know the length and leave a number that means "to the end"; others count
their header with the data. Both are read to the end. Where more is missing than a header, the file
was cut off. Where a header says less than there is, sox and FFmpeg take its word and drop the rest;
here that is an error, as one flipped bit can be the cause.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from datamodules.audio import mp3
from datamodules.audio.parts import TAIL, Fault, Part, cut_off, longer

_MPEG_TAGS = (0x50, 0x55)  # MPEG audio in WAV
_NEAR = 0x2000  # how far from 2^31 or 2^32 writers keep (sox: 0x7ffff000, FFmpeg: 0xffffffff)
_HEADER = 44
_LITTLE = 3200  # bytes, 0.1 s of 16-bit speech
_RIFF_TAGS = (b"ID3", b"TAG", b"APETAGEX")
_W64_TAIL = (
    bytes.fromhex("f3acd3118cd100c04f8edb8a"),
    bytes.fromhex("2e91cf11a5d628db04c10000"),
)


def wav_parts(file: BinaryIO, size: int) -> list[Part]:
    """Of a RIFF, RIFX, RF64 or BW64 file.

    Raises:
        Fault: no audio in it, cut off, or longer than its header says.
    """
    magic = _bytes(file, 0, 4)
    order = ">" if magic == b"RIFX" else "<"
    long_size, long_position, fmt = None, 0, b""
    for name, position, length in _chunks(file, size, order):  # noqa: B007, used behind the loop
        if name == b"ds64" and magic in (b"RF64", b"BW64"):
            long_position = position + 8
            long_size = int.from_bytes(_bytes(file, long_position, 8), "little")
        elif name == b"fmt ":
            fmt = _bytes(file, position, 40)
        elif name == b"data":
            break
    else:
        raise Fault("cut off or damaged, it holds no audio (no data chunk); copy it again.")
    if len(fmt) < 16:
        raise Fault("damaged, its fmt chunk doesn't come before the data; copy it again.")
    tag, _, _, rate, block = struct.unpack_from(f"{order}HHIIH", fmt)
    there = size - position
    promised = length
    if long_size is not None and length in (0, 0xFFFFFFFF):
        promised = long_size
    if promised < there and _rest_is_audio(
        file, _after_chunks(file, position + promised, size, order), size, rate
    ):
        if promised:
            raise longer(there, promised, "bytes of audio")
        audio = there
    else:
        audio = audio_bytes(promised, there, position) if promised else 0
    if tag in _MPEG_TAGS:
        return mp3.mp3_parts(file, position, position + audio)
    if audio != promised:
        audio -= audio % max(block, 1)
    patches = [] if magic != b"BW64" else [(0, b"RF64")]
    if audio != promised:
        if long_size is not None and length == 0xFFFFFFFF:
            patches.append((long_position, audio.to_bytes(8, "little")))
        elif audio < 2**32:
            patches.append((position - 4, struct.pack(f"{order}I", audio)))
    return [Part(0, size, patches=tuple(patches))]


def w64_parts(file: BinaryIO, size: int) -> list[Part]:
    """Of Sony's Wave64, whose chunks carry GUIDs and 64-bit sizes; raises Fault as `wav_parts`."""
    position = 40
    while position + 24 <= size:
        head = _bytes(file, position, 24)
        length = int.from_bytes(head[16:], "little")
        if head[4:16] not in _W64_TAIL or length < 24:
            raise Fault(f"damaged, what lies at byte {position:,} is no chunk; copy it again.")
        if head[:4] == b"data":
            there = size - position - 24
            if 0 < length - 24 < there and _rest_is_audio(file, position + length + 8, size):
                file.seek(position + length + (-length) % 8 + 4)
                if file.read(12) not in _W64_TAIL:
                    raise longer(there, length - 24, "bytes of audio")
            audio = audio_bytes(length - 24, there, position + 24)
            right = (audio + 24).to_bytes(8, "little")
            end = position + 24 + audio  # libsndfile would go on to the end of the file
            return [Part(0, end, patches=((position + 16, right),) if audio != length - 24 else ())]
        position += length + (-length) % 8
    raise Fault("cut off or damaged, it holds no audio (no data chunk); copy it again.")


def aiff_parts(file: BinaryIO, size: int) -> list[Part]:
    """Of AIFF or AIFF-C; raises Fault as `wav_parts`."""
    comm = b""
    for name, position, length in _chunks(file, size, ">"):
        if name == b"COMM":
            comm = _bytes(file, position, 22)
        elif name == b"SSND":
            offset = int.from_bytes(_bytes(file, position, 4), "big")
            promised = length - 8 - offset if length > 8 else 0
            there = size - position - 8 - offset
            audio = audio_bytes(promised, there, position + 8)
            if _bytes(file, 8, 4) == b"AIFF" and len(comm) >= 8:
                channels, frames, bits = struct.unpack_from(">HIH", comm)
                counted = frames * channels * ((bits + 7) // 8)
                if counted > audio + position + 8 and not unknown(frames):
                    raise cut_off(audio, counted, "bytes of audio")
                if 0 < counted < audio - _LITTLE:
                    raise longer(audio, counted, "bytes of audio")
            end = _after_chunks(file, position + length, size, ">")
            if promised and _rest_is_audio(file, end, size):
                raise longer(there, promised, "bytes of audio")
            right = struct.pack(">I", min(audio + 8 + offset, 2**32 - 1))
            return [Part(0, size, patches=((position - 4, right),) if audio != promised else ())]
    raise Fault("cut off or damaged, it holds no audio (no SSND chunk); copy it again.")


def au_parts(file: BinaryIO, size: int) -> list[Part]:
    """Of Sun's and NeXT's .au; raises Fault as `wav_parts`."""
    magic, start, length = struct.unpack(">4sII", _bytes(file, 0, 12).ljust(12, b"\0"))
    order = ">" if magic == b".snd" else "<"
    start, length = struct.unpack(f"{order}II", _bytes(file, 4, 8).ljust(8, b"\0"))
    audio = audio_bytes(length, size - start, start)
    right = struct.pack(f"{order}I", min(audio, 2**32 - 1))
    if length and _rest_is_audio(file, start + audio, size):
        raise longer(size - start, length, "bytes of audio")
    return [Part(0, size, patches=((8, right),) if audio != length else ())]


def sphere_parts(file: BinaryIO, size: int) -> list[Part]:
    """Of NIST SPHERE, as LDC's corpora come; raises Fault as `wav_parts`, or if compressed."""
    lines = _bytes(file, 0, 16).split(b"\n")
    start = int(lines[1]) if len(lines) > 1 and lines[1].strip().isdigit() else 1024
    fields: dict[bytes, bytes] = {}
    for line in _bytes(file, 0, min(start, 65_536)).split(b"\n"):
        words = line.split()
        if len(words) == 3:
            fields[words[0]] = words[2]
    coding = fields.get(b"sample_coding", b"pcm")
    if b"embedded" in coding:
        raise Fault(f"compressed SPHERE ({coding.decode('latin-1')}); unpack it with sph2pipe.")
    try:
        frames = int(fields[b"sample_count"])
        width = int(fields.get(b"channel_count", b"1")) * int(fields[b"sample_n_bytes"])
    except (KeyError, ValueError) as error:
        raise Fault("damaged, its header lacks a length; copy it again.") from error
    audio = audio_bytes(frames * width, size - start, _HEADER)
    if _rest_is_audio(file, start + audio, size):
        raise longer(size - start, audio, "bytes of audio")
    return [Part(0, size, frames=audio // max(width, 1))]


def caf_parts(file: BinaryIO, size: int) -> list[Part]:
    """Of Apple's Core Audio Format; raises Fault as `wav_parts`."""
    position = 8
    while position + 12 <= size:
        name, length = struct.unpack(">4sq", _bytes(file, position, 12))
        if name == b"data":
            if length > 0:
                audio_bytes(length, size - position - 12, _HEADER)
            return [Part(0, size)]
        if length < 0:
            break
        position += 12 + length
    raise Fault("cut off or damaged, it holds no audio (no data chunk); copy it again.")


def audio_bytes(promised: int, there: int, header: int) -> int:
    """How many bytes of audio to read, of those promised and those between there and the end.

    Raises:
        Fault: more are missing than a header of `header` bytes that was counted with them.
    """
    if promised <= there and promised:
        return promised
    if unknown(promised) or promised - there <= max(_HEADER, header):
        return max(there, 0)
    raise cut_off(max(there, 0), promised, "bytes of audio")


def unknown(length: int) -> bool:
    """Whether a writer that can't know the length writes this one."""
    return length == 0 or abs(length - 2**31) <= _NEAR or length >= 2**62 or (
        0 <= 2**32 - length <= _NEAR
    )  # fmt: skip


def _chunks(file: BinaryIO, size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, place of the content, length) of each chunk of a RIFF or IFF file."""
    position = 12
    while position + 8 <= size:
        name, length = struct.unpack(f"{order}4sI", _bytes(file, position, 8))
        yield name, position + 8, length
        position += 8 + length + length % 2


def _after_chunks(file: BinaryIO, start: int, size: int, order: str) -> int:
    """Where the chunks that begin at `start` end."""
    position = start + start % 2
    while position + 8 <= size:
        name, length = struct.unpack(f"{order}4sI", _bytes(file, position, 8))
        if not all(32 <= byte < 127 for byte in name) or position + 8 + length > size + 1:
            return position
        position += 8 + length + length % 2
    return size


def _rest_is_audio(file: BinaryIO, start: int, size: int, rate: int = 10 * _LITTLE) -> bool:
    """Whether what follows the audio is no tag, no zeros and not too little to matter.

    `rate`: bytes of a second.
    """
    if size - start < max(1, int(TAIL * rate)):
        return False
    rest = _bytes(file, start, 65_536)
    return any(rest) and not rest.startswith(_RIFF_TAGS)


def _bytes(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)
