"""WAV and its relatives: placeholders are read to the end, halves and short headers are refused."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.audio import AudioError, probe_audio, read_audio
from tests.support.speech import voiced

RATE = 16_000
FORMATS = {"wav": "WAV", "aiff": "AIFF", "au": "AU", "w64": "W64", "rf64": "RF64", "sph": "NIST",
           "caf": "CAF"}  # fmt: skip


def written(folder: Path, suffix: str, subtype: str = "PCM_16") -> Path:
    path = folder / f"a.{suffix}"
    sf.write(path, voiced(1.0, RATE, 0), RATE, format=FORMATS[suffix], subtype=subtype)
    return path


def set_data_size(path: Path, size: int) -> None:
    data = bytearray(path.read_bytes())
    place = data.find(b"data") + 4
    data[place : place + 4] = struct.pack("<I", size)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "size",
    [0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFF000, 0xFFFFFFFF - 36, 32_016, 32_044],
)
def test_sizes_that_mean_to_the_end(tmp_path: Path, size: int):
    path = written(tmp_path, "wav")
    expected, _ = read_audio(path)
    assert len(expected) == RATE
    set_data_size(path, size)
    assert probe_audio(path).frames == RATE
    np.testing.assert_array_equal(read_audio(path)[0], expected)


@pytest.mark.parametrize("place", [32, 40])
@pytest.mark.parametrize("size", [0, 2**64 - 1, 32_000 + 40])
def test_rf64_of_unknown_length(tmp_path: Path, size: int, place: int):
    path = written(tmp_path, "rf64")
    data = bytearray(path.read_bytes())
    place = data.find(b"ds64") + 16
    data[place : place + 8] = struct.pack("<Q", size)
    path.write_bytes(data)
    assert probe_audio(path).frames == RATE
    assert len(read_audio(path)[0]) == RATE


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("suffix", FORMATS)
def test_cut_off(tmp_path: Path, suffix: str, share: float):
    path = written(tmp_path, suffix)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    for read in (probe_audio, read_audio):
        with pytest.raises(AudioError, match=r"cut off or damaged, .* says [\d,]+ .* are there"):
            read(path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_whole_is_read(tmp_path: Path, suffix: str):
    path = written(tmp_path, suffix)
    assert probe_audio(path).frames == RATE
    np.testing.assert_allclose(read_audio(path)[0], voiced(1.0, RATE, 0), atol=1e-4)


def test_what_follows_the_data_is_no_audio(tmp_path: Path):
    """Chunks, tags and zeros behind the data are no reason to refuse a file."""
    path = written(tmp_path, "wav")
    whole = path.read_bytes()
    for rest in (
        b"LIST" + struct.pack("<I", 9000) + b"x" * 9000,
        bytes(9000),
        b"ID3\x04" + b"y" * 9000,
        b"abc" * 5,
    ):
        path.write_bytes(whole + rest)
        assert probe_audio(path).frames == len(read_audio(path)[0]) == RATE
    path.write_bytes(whole + whole[1000:9000])
    with pytest.raises(AudioError, match="says 32,000 bytes of audio and 40,000 are there"):
        probe_audio(path)


def test_no_samples_are_no_streaming_header(tmp_path: Path):
    path = tmp_path / "none.wav"
    sf.write(path, np.zeros(0, np.float32), RATE)
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 9000) + b"x" * 9000)
    with pytest.raises(AudioError, match="holds no samples"):
        probe_audio(path)


@pytest.mark.parametrize("subtype", ["GSM610", "IMA_ADPCM", "MS_ADPCM", "ULAW"])
def test_codings_in_wav(tmp_path: Path, subtype: str):
    path = written(tmp_path, "wav", subtype)
    assert probe_audio(path).frames == len(read_audio(path)[0]) >= RATE
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match="cut off"):
        probe_audio(path)


def test_compressed_sphere_is_named(tmp_path: Path):
    path = written(tmp_path, "sph")
    path.write_bytes(
        path.read_bytes().replace(
            b"sample_coding -s3 pcm", b"sample_coding -s26 pcm,embedded-shorten"
        )
    )
    with pytest.raises(AudioError, match="sph2pipe"):
        probe_audio(path)
