"""What kind of file it is, told by its first bytes: names are often wrong."""

from __future__ import annotations

# fmt: off
CONTAINERS = (
    ".m4a", ".m4b", ".mp4", ".mov", ".aac", ".3gp", ".webm", ".weba", ".mkv", ".mka",
    ".wma", ".wmv", ".asf", ".amr", ".ac3", ".avi",
)
"""Endings of what only PyAV reads, lower case."""

SUFFIXES = (
    ".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga",
    ".aif", ".aiff", ".aifc", ".au", ".w64", ".rf64", ".sph", ".caf",
    *CONTAINERS,
)
"""Endings of audio files, lower case: those that libsndfile reads, then those for PyAV."""
# fmt: on

LFS = "git-lfs pointer"

_GUID_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_GUID_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_STARTS = (
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b".snd", "AU"),
    (b"dns.", "AU"),
    (b"NIST_1A", "SPHERE"),
    (b"caff", "CAF"),
    (_GUID_RIFF, "W64"),
    (_GUID_ASF, "ASF"),
    (b"\x1a\x45\xdf\xa3", "Matroska"),
    (b"#!AMR", "AMR"),
    (b"ADIF", "AAC"),
    (b"version https://git-lfs.github.com/spec/", LFS),
)
FFMPEG = frozenset({"MP4", "ASF", "Matroska", "AMR", "AAC"})
"""Kinds that only PyAV reads."""


def kind_of(head: bytes) -> str | None:
    """Kind of a file by its first bytes (after any ID3 tags), or None."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "MP4"
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "AAC" if head[1] & 0x06 == 0 else "MP3"  # layer 0 is ADTS
    return None


def id3_length(head: bytes) -> int:
    """Bytes of the ID3v2 tag that `head` begins with, or 0."""
    if head[:3] != b"ID3" or len(head) < 10 or max(head[6:10]) > 127:
        return 0
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte
    return 10 + length + (10 if head[5] & 0x10 else 0)
