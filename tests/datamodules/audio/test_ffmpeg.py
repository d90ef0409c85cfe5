"""What PyAV reads: containers whole, cut off, encrypted, without sound; and what without it."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.audio import AudioError, ffmpeg, probe_audio, read_audio, read_segment
from datamodules.manifest import scan_folder
from tests.support.speech import voiced

CODECS = {"m4a": "aac", "mp4": "aac", "mov": "aac", "webm": "libopus", "mkv": "aac", "wma": "wmav2",
          "aac": "aac", "3gp": "aac"}  # fmt: skip


@pytest.fixture(scope="module")
def av():
    return pytest.importorskip("av", reason="PyAV isn't installed (the extra av)")


def encode(
    av, path: Path, seconds=3.0, rate=16_000, codec=None, tracks=1, options=None, bits=64_000
) -> Path:
    waveform = voiced(seconds, rate, 0)
    with av.open(str(path), "w", options=options or {}) as container:
        streams = [
            container.add_stream(codec or CODECS[path.suffix[1:]], rate=rate, layout="mono")
            for _ in range(tracks)
        ]
        for stream in streams:
            stream.bit_rate = bits
        step = streams[0].frame_size or 1024
        for start in range(0, len(waveform), step):
            samples = np.round(waveform[start : start + step] * 32767).astype(np.int16)
            for stream in streams:
                frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
                frame.sample_rate, frame.pts = rate, start
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", CODECS)
def test_formats(av, tmp_path: Path, suffix: str):
    path = encode(av, tmp_path / f"a.{suffix}")
    info = probe_audio(path)
    waveform, rate = read_audio(path)
    assert (len(waveform), rate) == (info.frames, info.sample_rate)
    assert waveform.dtype == np.float32
    assert rate == (48_000 if suffix == "webm" else 16_000)
    assert len(waveform) / rate == pytest.approx(3.0, abs=0.25)
    assert np.std(waveform) == pytest.approx(np.std(voiced(3.0, 16_000, 0)), rel=0.1)
    np.testing.assert_allclose(read_segment(path, 20_000, 9000), waveform[20_000:29_000], atol=1e-6)


@pytest.mark.parametrize("suffix", ["amr", "3gp"])
def test_amr_as_telephones_write_it(av, tmp_path: Path, suffix: str):
    path = encode(av, tmp_path / f"a.{suffix}", rate=8000, codec="libopencore_amrnb", bits=12_200)
    waveform, rate = read_audio(path)
    assert (len(waveform), rate) == (probe_audio(path).frames, 8000)
    assert len(waveform) / rate == pytest.approx(3.0, abs=0.05)
    assert np.std(waveform) == pytest.approx(np.std(voiced(3.0, 8000, 0)), rel=0.15)
    np.testing.assert_allclose(read_segment(path, 12_000, 4000), waveform[12_000:16_000], atol=1e-6)


@pytest.mark.parametrize("suffix", ["m4a", "webm", "mkv"])
def test_crops_far_into_a_recording_are_in_their_place(av, tmp_path: Path, suffix: str):
    path = encode(av, tmp_path / f"a.{suffix}", seconds=45.0)
    waveform, rate = read_audio(path)
    start = 40 * rate + 77
    segment = read_segment(path, start, rate)
    np.testing.assert_allclose(segment, waveform[start : start + rate], atol=2e-2)
    assert np.corrcoef(segment, waveform[start : start + rate])[0, 1] > 0.999


def test_a_wrong_suffix_is_told_by_content(av, tmp_path: Path):
    path = encode(av, tmp_path / "a.m4a")
    expected, _ = read_audio(path)
    for name in ("a.mp3", "a.wav", "a"):
        np.testing.assert_array_equal(read_audio(path.rename(tmp_path / name))[0], expected)
        path = tmp_path / name


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("suffix", ["m4a", "webm", "mkv", "wma", "aac"])
def test_cut_off(av, tmp_path: Path, suffix: str, share: float):
    path = encode(av, tmp_path / f"a.{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    for read in (probe_audio, read_audio):
        with pytest.raises(AudioError, match="cut off") as caught:
            read(path)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(str(path))


def test_cut_off_with_its_index_in_front(av, tmp_path: Path):
    path = encode(av, tmp_path / "a.mp4", options={"movflags": "faststart"})
    data = path.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(AudioError, match=r"says [\d,]+ bytes and [\d,]+ are there"):
        probe_audio(path)


def test_several_tracks_are_noted(av, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = encode(av, tmp_path / "a.mkv", tracks=2)
    assert probe_audio(path).seconds == pytest.approx(3.0, abs=0.25)
    assert "has 2 audio tracks; the first is read" in caplog.text


def test_a_video_without_sound(av, tmp_path: Path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for number in range(10):
            picture = np.full((64, 64, 3), number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError, match="a video without sound; remove it"):
        probe_audio(path)


def test_encrypted(av, tmp_path: Path):
    path = encode(av, tmp_path / "a.m4a")
    data = path.read_bytes()
    place = data.find(b"esds") - 4  # room of a box that isn't needed to be told
    path.write_bytes(data[:place] + b"\0\0\0\x14sinf\0\0\0\x0cfrmamp4a" + data[place + 20 :])
    with pytest.raises(AudioError, match=r"encrypted \(DRM\)"):
        probe_audio(path)


def test_another_rate_in_mid_file(av, tmp_path: Path):
    first = encode(av, tmp_path / "a.aac").read_bytes()
    second = encode(av, tmp_path / "b.aac", rate=24_000).read_bytes()
    path = tmp_path / "c.aac"
    path.write_bytes(first + second)
    with pytest.raises(AudioError, match="changes from 16000 Hz with 1 channels to 24000 Hz"):
        probe_audio(path)


@pytest.fixture
def without_av(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ffmpeg, "installed", lambda: False)


def test_without_pyav_files_are_counted_and_named(tmp_path: Path, without_av):
    sf.write(tmp_path / "a.wav", voiced(1.0, 16_000, 0), 16_000)
    sf.write(tmp_path / "b.aiff", voiced(1.0, 16_000, 0), 16_000)
    (tmp_path / "c.m4a").write_bytes(b"\0\0\0\x08ftyp" + b"\0\0\0\x08moov" + bytes(100))
    (tmp_path / "d.webm").write_bytes(b"\x1a\x45\xdf\xa3\x81\0" + bytes(100))
    manifest = scan_folder(tmp_path)
    assert [r.path for r in manifest.recordings] == ["a.wav", "b.aiff"]
    assert set(manifest.unusable) == {"c.m4a", "d.webm"}
    assert all("pip install av" in reason for reason in manifest.unusable.values())
    assert "2 unusable, listed in unusable.csv (2 that need PyAV" in manifest.summary(0.95)


def test_shared_tree(av, shared: Path):
    manifest = scan_folder(shared / "cases" / "f13-passed-over-in-silence" / "tree")
    assert len(manifest.recordings) == 9
    assert set(manifest.passed_over) == {".Trash-1000", "__MACOSX"}
