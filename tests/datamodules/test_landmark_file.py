"""A file of landmarks: what was written is read, block by block, and damage is named."""

import zipfile

import numpy as np
import pytest

from datamodules import landmark_file
from datamodules.landmark_file import landmark_path, read_about, read_landmarks, write_landmarks
from datamodules.landmarks import RATE, Peaks, Sound, find_peaks
from datamodules.manifest.recordings import Manifest, Recording
from datamodules.pretraining import PretrainingData


def sounds(count: int) -> list[Sound]:
    random = np.random.default_rng(0)
    return [
        Sound(
            f"speaker/ä {number}.wav",
            f"{number:032x}",
            f"{number + 1:032x}",
            Peaks(random.integers(0, 257, number), np.cumsum(random.integers(0, 70_000, number))),
        )
        for number in range(count)
    ]


def test_what_is_written_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(landmark_file, "BLOCK", 3)
    path = landmark_path(tmp_path / "encoder.safetensors")
    written = sounds(7)
    gone = ("gone.wav", "no such file")
    about = write_landmarks(path, [*written[:2], gone, *written[2:]], 9, "d")
    assert path.name == "encoder.landmarks.zip"
    assert about == read_about(path)
    assert (about.recordings, about.unreadable) == (7, {"gone.wav": "no such file"})
    for before, after in zip(written, read_landmarks(path), strict=True):
        assert (before.name, before.file, before.audio) == (after.name, after.file, after.audio)
        assert np.array_equal(before.peaks.bins, after.peaks.bins)
        assert np.array_equal(before.peaks.frames, after.peaks.frames)
    content = path.read_bytes()
    write_landmarks(path, [gone, *written], 9, "d")
    assert path.read_bytes() == content


@pytest.mark.parametrize("what", ["text", "cut", "bytes", "lacking", "later", "fewer"])
def test_damage(what, tmp_path):
    path = tmp_path / "x.landmarks.zip"
    write_landmarks(path, sounds(5), 9, "d")
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if what == "text":
        path.write_text("landmarks")
    elif what == "cut":
        path.write_bytes(content[:-30])
    elif what == "bytes":
        path.write_bytes(content[:60] + b"????" + content[64:])
    else:
        if what == "lacking":
            del members["00000.bins"]
        elif what == "later":
            members["about.json"] = members["about.json"].replace(b'"version": 1', b'"version": 2')
        else:
            members["00000.bins"] = members["00000.bins"][:-1]
        with zipfile.ZipFile(path, "w") as archive:
            for name, member in members.items():
                archive.writestr(name, member)
    with pytest.raises(ValueError, match=rf"^{path}: .*write it again with `python -m datamodules"):
        list(read_landmarks(path))


def test_nothing_to_hear_leaves_nothing(tmp_path):
    path = tmp_path / "x.landmarks.zip"
    with pytest.raises(ValueError, match=r"none of 1 recordings can be read, the first: gone"):
        write_landmarks(path, [("a.wav", "gone")], 9, "d")
    assert not list(tmp_path.iterdir())


def test_long_recordings_have_the_peaks_of_their_parts(monkeypatch):
    noise = np.random.default_rng(1).normal(size=6 * RATE)
    whole = find_peaks(noise)
    monkeypatch.setattr("datamodules.landmarks.STRETCH", 100)
    parts = find_peaks(noise)
    assert np.array_equal(whole.bins, parts.bins)
    assert np.array_equal(whole.frames, parts.frames)
    assert not len(find_peaks(np.zeros(RATE)).bins)
    assert not len(find_peaks(noise[:100]).bins)


def test_of_many_hours_the_command_is_told(tmp_path, caplog):
    data = PretrainingData(root=str(tmp_path))
    data.manifest = Manifest(tmp_path, (Recording("a.wav", 101 * 3600 * 16_000, 16_000),))
    with caplog.at_level("INFO"):
        data.keep_landmarks(tmp_path / "encoder.safetensors")
    assert "none of 101 h" in caplog.text
    assert "--out " + str(tmp_path / "encoder.landmarks.zip") in caplog.text
    assert not list(tmp_path.iterdir())
