"""MP3, FLAC and Ogg: lengths by what is there, checksums, streams one after the other."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.audio import AudioError, probe_audio, read_audio, read_segment
from datamodules.audio.mp3 import parse_header
from datamodules.audio.ogg import page_checksum
from tests.support.speech import voiced

RATE = 16_000


def written(path: Path, seconds: float = 3.0, rate: int = RATE, **arguments) -> bytes:
    sf.write(path, voiced(seconds, rate, 0), rate, **arguments)
    return path.read_bytes()


def frames_of(data: bytes) -> list[int]:
    places, place = [], data.find(b"\xff")
    while (header := parse_header(data[place : place + 4])) is not None:
        places.append(place)
        place += header.size
    return places


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_mp3_without_its_table(tmp_path: Path, mode: str, rate: int):
    path = tmp_path / "a.mp3"
    data = written(path, rate=rate, bitrate_mode=mode, compression_level=0.6)
    tabled, _ = read_audio(path)
    places = frames_of(data)
    assert len(tabled) == 3 * rate
    path.write_bytes(data[places[1] :])
    samples = 1152 if rate > 24_000 else 576
    assert probe_audio(path).frames == (len(places) - 1) * samples
    waveform, _ = read_audio(path)
    assert len(waveform) == (len(places) - 1) * samples
    lead = len(waveform) - len(tabled)
    assert min(np.abs(waveform[k:][: len(tabled)] - tabled).max() for k in range(lead)) < 1e-3
    for start in range(0, len(waveform) - 2000, 3001):
        segment = read_segment(path, start, 2000)
        np.testing.assert_allclose(segment, waveform[start : start + 2000], atol=1e-6)


def test_mp3_that_ends_early(tmp_path: Path):
    path = tmp_path / "a.mp3"
    data = written(path)
    places = frames_of(data)
    count = len(places) - 1
    path.write_bytes(data[: places[-1]])
    with pytest.raises(AudioError, match=rf"says {count} frames and {count - 1} are there"):
        probe_audio(path)
    path.write_bytes(data[places[1] : -20])
    with pytest.raises(AudioError, match="bytes of its last frame"):
        probe_audio(path)
    path.write_bytes(data[places[1] : places[9] + 7] + data[places[10] :])
    with pytest.raises(AudioError, match="is no frame of MP3"):
        probe_audio(path)


def test_mp3_with_tags_and_one_after_the_other(tmp_path: Path):
    path = tmp_path / "a.mp3"
    data = written(path)
    whole, _ = read_audio(path)
    id3 = b"ID3\x04\0\0\0\0\x01\0" + bytes(128)
    path.write_bytes(id3 + data + b"TAG" + bytes(125))
    np.testing.assert_allclose(read_audio(path)[0], whole, atol=1e-6)
    path.write_bytes(id3 + data + id3 + data)
    assert probe_audio(path).frames == 2 * len(whole)
    np.testing.assert_allclose(read_audio(path)[0], np.tile(whole, 2), atol=1e-6)
    np.testing.assert_allclose(
        read_segment(path, len(whole) - 500, 1000), np.tile(whole, 2)[len(whole) - 500 :][:1000],
        atol=1e-6,
    )  # fmt: skip
    other = written(tmp_path / "b.mp3", rate=24_000)
    path.write_bytes(data[frames_of(data)[1] :] + other[frames_of(other)[1] :])
    with pytest.raises(AudioError, match="changes from 16000 Hz mono to 24000 Hz mono in mid-file"):
        probe_audio(path)


def set_length(data: bytes, samples: int) -> bytes:
    out = bytearray(data)
    word = int.from_bytes(out[21:26], "big") >> 36 << 36 | samples
    out[21:26] = word.to_bytes(5, "big")
    return bytes(out)


def test_flac_lengths(tmp_path: Path):
    path = tmp_path / "a.flac"
    data = written(path)
    whole, _ = read_audio(path)
    path.write_bytes(set_length(data, 0))
    assert probe_audio(path).frames == len(whole)
    np.testing.assert_array_equal(read_audio(path)[0], whole)
    np.testing.assert_array_equal(read_segment(path, 30_000, 4000), whole[30_000:34_000])
    for samples, message in ((2**36 - 1, "68,719,476,735 samples and 48,000"), (999, "says 999")):
        path.write_bytes(set_length(data, samples))
        with pytest.raises(AudioError, match=message):
            probe_audio(path)
    for unknown in (data, set_length(data, 0)):
        path.write_bytes(unknown[: len(data) * 9 // 10])
        with pytest.raises(AudioError, match="cut off or damaged"):
            probe_audio(path)


def test_flac_damaged_inside(tmp_path: Path):
    """Its frames carry checksums: a flipped bit is no samples of another value."""
    path = tmp_path / "a.flac"
    data = bytearray(written(path))
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(AudioError, match="cut off or damaged"):
        read_audio(path)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus"])
def test_one_after_the_other(tmp_path: Path, suffix: str):
    path, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    kind = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    first = written(path, **kind)
    last = written(second, 2.0, **kind)
    expected = np.concatenate([read_audio(path)[0], read_audio(second)[0]])
    path.write_bytes(first + last)
    assert probe_audio(path).frames == len(expected) == 5 * RATE
    np.testing.assert_allclose(read_audio(path)[0], expected, atol=1e-6)
    np.testing.assert_allclose(
        read_segment(path, 47_000, 2000), expected[47_000:49_000], atol=1e-2
    )  # fmt: skip
    if suffix != "opus":
        path.write_bytes(first + written(second, 2.0, rate=24_000, **kind))
        with pytest.raises(AudioError, match="of 16000 and 24000 Hz"):
            probe_audio(path)


def pages(data: bytes) -> list[bytes]:
    return [b"OggS" + page for page in data.split(b"OggS")[1:]]


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_ogg_pages(tmp_path: Path, subtype: str):
    path = tmp_path / "a.ogg"
    data = written(path, 8.0, format="OGG", subtype=subtype)
    parts = pages(data)
    assert len(parts) > 3
    for page in parts:
        assert page_checksum(page) == page[22:26]
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    lost = b"".join(parts[:-2] + parts[-1:])
    for damaged, message in (
        (bytes(flipped), "fails its checksum"),
        (lost, "pages are missing before byte"),
        (data[:-100], "cut off in the middle of a page"),
        (data[: len(data) - len(parts[-1]) + 2], "cut off in the middle of a page"),
        (data[:5000] + bytes(100) + data[5000:], "damaged"),
    ):
        path.write_bytes(damaged)
        for read in (probe_audio, read_audio):
            with pytest.raises(AudioError, match=message):
                read(path)


def test_ogg_without_its_end_mark(tmp_path: Path):
    path = tmp_path / "a.ogg"
    parts = pages(written(path, 8.0, format="OGG", subtype="VORBIS"))
    whole, _ = read_audio(path)
    last = bytearray(parts[-1])
    last[5] &= ~4
    last[22:26] = page_checksum(bytes(last))
    path.write_bytes(b"".join(parts[:-1]) + bytes(last))
    assert probe_audio(path).frames == len(whole)


def test_a_number_in_a_page_asks_for_no_memory(tmp_path: Path):
    path = tmp_path / "a.ogg"
    parts = pages(written(path, 8.0, format="OGG", subtype="VORBIS"))
    last = bytearray(parts[-1])
    last[6:14] = struct.pack("<Q", 2**45)
    last[22:26] = page_checksum(bytes(last))
    path.write_bytes(b"".join(parts[:-1]) + bytes(last))
    with pytest.raises(AudioError, match="cut off or damaged"):
        read_audio(path)
