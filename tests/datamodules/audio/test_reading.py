"""Every format decodes to one mono channel; every broken file gets one sentence that names it."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.audio import (
    AudioError,
    audio_info,
    fit_length,
    probe_audio,
    read_audio,
    read_segment,
    resample,
)
from tests.support.speech import voiced


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("wav", "PCM_16"), ("wav", "FLOAT"), ("wav", "PCM_24"), ("flac", None), ("ogg", "VORBIS"),
     ("opus", "OPUS"), ("mp3", None)],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2])
def test_formats(tmp_path: Path, suffix: str, subtype: str | None, channels: int):
    waveform = voiced(1.0, 16_000, 0)
    path = tmp_path / f"a.{suffix}"
    both = np.stack([1.5 * waveform, 0.5 * waveform], axis=1)
    container = {"opus": "OGG"}.get(suffix)
    sf.write(path, waveform if channels == 1 else both, 16_000, subtype=subtype, format=container)
    decoded, rate = read_audio(path)
    assert (rate, decoded.dtype, decoded.ndim) == (16_000, np.float32, 1)
    assert abs(len(decoded) - 16_000) < 2500  # MP3 pads
    if suffix in ("wav", "flac"):
        np.testing.assert_allclose(decoded, waveform, atol=1e-4)
    assert probe_audio(path).frames == len(decoded)
    segment = read_segment(path, 5000, 4000)
    np.testing.assert_allclose(segment, decoded[5000:9000], atol=2e-4)


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    waveform = voiced(1.0, 16_000, 0)

    def wav(name: str, data=waveform, rate: int = 16_000, subtype: str = "PCM_16") -> Path:
        sf.write(folder / name, data, rate, subtype=subtype)
        return folder / name

    def raw(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    whole = wav("whole.wav").read_bytes()
    sf.write(folder / "whole.flac", waveform, 16_000)
    flac = (folder / "whole.flac").read_bytes()
    sf.write(folder / "whole.mp3", np.tile(waveform, 4), 16_000)
    mp3 = (folder / "whole.mp3").read_bytes()
    sf.write(folder / "whole.ogg", np.tile(waveform, 4), 16_000)
    ogg = (folder / "whole.ogg").read_bytes()
    holed = waveform.copy()
    holed[100] = np.nan
    return {
        "missing": (folder / "none.wav", "no such file"),
        "zero length": (raw("zero.wav", b""), "empty"),
        "no samples": (wav("none_in.wav", waveform[:0]), "holds no samples"),
        "cut wav": (raw("cut.wav", whole[: len(whole) // 2]), "cut off"),
        "cut flac": (raw("cut.flac", flac[: len(flac) // 2]), "cut off or damaged"),
        "cut mp3": (raw("cut.mp3", mp3[: len(mp3) // 2]), "cut off or damaged"),
        "cut ogg": (raw("cut.ogg", ogg[: len(ogg) // 2]), "cut off"),
        "loud": (wav("loud.wav", 1e6 * waveform, subtype="FLOAT"), "samples beyond ±100"),
        "not audio": (raw("text.wav", b"this is not audio" * 50), "not audio"),
        "nan": (wav("nan.wav", holed, subtype="FLOAT"), "NaN"),
        "8 channels": (wav("eight.wav", np.stack([waveform] * 8, 1)), "8 channels; expected mono"),
        "1 Hz": (wav("slow.wav", rate=1), "says 1 Hz"),
    }


CASES = ["missing", "zero length", "no samples", "cut wav", "cut flac", "cut mp3", "cut ogg",
         "loud", "not audio", "nan", "8 channels", "1 Hz"]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_files_are_named(tmp_path: Path, case: str, capfd: pytest.CaptureFixture):
    path, message = bad_files(tmp_path)[case]
    with pytest.raises(AudioError, match=message) as caught:
        probe_audio(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_streamed_header_is_no_cut_off_file(tmp_path: Path):
    """A writer into a pipe leaves 0xFFFFFFFF as the size of the data."""
    path = tmp_path / "piped.wav"
    sf.write(path, voiced(0.5, 16_000, 0), 16_000)
    data = bytearray(path.read_bytes())
    place = data.find(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert audio_info(path).seconds == pytest.approx(0.5)


def test_mp3_chatter_stays_off_the_screen(tmp_path: Path, capfd: pytest.CaptureFixture):
    path = tmp_path / "a.mp3"
    sf.write(path, voiced(4.0, 16_000, 0), 16_000)
    for start in range(0, 40_000, 1777):
        read_segment(path, start, 4000)
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_fit_length_pads_both_ends():
    assert fit_length(np.ones(3, np.float32), 8).tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert fit_length(np.arange(9.0), 4).tolist() == [0, 1, 2, 3]


def test_resample_keeps_a_tone():
    time = np.arange(48_000) / 48_000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    want = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(resample(tone, 48_000, 16_000)[200:-200], want[200:-200], atol=2e-3)
