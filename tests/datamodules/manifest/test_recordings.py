"""Scanning a folder: what is usable, what isn't and why."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.manifest.recordings import scan_folder
from tests.support.speech import voiced


def test_scan(speech_folder: Path, tmp_path: Path):
    manifest = scan_folder(speech_folder)
    assert len(manifest.recordings) == 24
    assert [r.path for r in manifest.recordings] == sorted(r.path for r in manifest.recordings)
    assert manifest.shorter_than(0.95) == 1
    assert 24 < manifest.seconds < 60
    manifest.write(tmp_path)
    with (tmp_path / "recordings.csv").open() as file:
        assert [row["path"] for row in csv.DictReader(file)] == [
            r.path for r in manifest.recordings
        ]


def test_unusable_recordings_are_listed_not_fatal(tmp_path: Path):
    for name in ("good.wav", "GOOD2.WAV", "a/b/c.flac"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        sf.write(tmp_path / name, voiced(1.0, 16_000, 0), 16_000)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "noise.mp3").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "notes.txt").write_text("not looked at")
    (tmp_path / "._good.wav").write_bytes(b"a Mac's shadow file")
    sf.write(tmp_path / "eight.wav", np.zeros((800, 8)), 16_000)
    manifest = scan_folder(tmp_path)
    assert [r.path for r in manifest.recordings] == ["GOOD2.WAV", "a/b/c.flac", "good.wav"]
    assert set(manifest.unusable) == {"empty.wav", "noise.mp3", "eight.wav"}
    assert "3 unusable, listed in unusable.csv" in manifest.summary(0.95)
    manifest.write(tmp_path / "run")
    assert "8 channels" in (tmp_path / "run" / "unusable.csv").read_text()


def test_a_link_that_leads_back_is_followed_once(tmp_path: Path):
    sf.write(tmp_path / "a.wav", voiced(1.0, 16_000, 0), 16_000)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(scan_folder(tmp_path).recordings) == 1


def test_nothing_usable_is_fatal(tmp_path: Path):
    with pytest.raises(ValueError, match="no such folder"):
        scan_folder(tmp_path / "none")
    with pytest.raises(ValueError, match=r"no recordings in it; expected files ending in \.wav"):
        scan_folder(tmp_path)
    (tmp_path / "a.wav").touch()
    with pytest.raises(ValueError, match=r"none of 1 recordings can be used; the first: .*a\.wav"):
        scan_folder(tmp_path)


def test_digest_tells_changed_recordings(tmp_path: Path):
    sf.write(tmp_path / "a.wav", voiced(1.0, 16_000, 0), 16_000)
    before = scan_folder(tmp_path).digest
    assert scan_folder(tmp_path).digest == before
    sf.write(tmp_path / "a.wav", voiced(1.1, 16_000, 0), 16_000)
    assert scan_folder(tmp_path).digest != before


def test_real_speech(shared: Path):
    manifest = scan_folder(shared / "data" / "picovoice")
    assert len(manifest.recordings) == 619
    assert not manifest.unusable
