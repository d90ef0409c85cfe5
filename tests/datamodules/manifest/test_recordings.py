"""Scanning a folder: what is usable, what isn't and why."""

import csv
import errno
import os
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


def test_hidden_and_trash_folders_are_passed_over_and_counted(tmp_path: Path):
    sf.write(tmp_path / "a.wav", voiced(1.0, 16_000, 0), 16_000)
    folders = (".Trash-1000/files", "__MACOSX", "x/@eaDir", "$RECYCLE.BIN", "lost+found", ".git")
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        sf.write(tmp_path / folder / "b.wav", voiced(1.0, 16_000, 0), 16_000)
    sf.write(tmp_path / "._a.wav", voiced(1.0, 16_000, 0), 16_000)
    manifest = scan_folder(tmp_path)
    assert [r.path for r in manifest.recordings] == ["a.wav"]
    assert not manifest.unusable
    assert len(manifest.passed_over) == 7
    assert "7 hidden or in the trash, passed over" in manifest.summary(0.95)
    manifest.write(tmp_path / "run")
    with (tmp_path / "run" / "unusable.csv").open() as file:
        assert "x/@eaDir" in [row["path"] for row in csv.DictReader(file)]


def test_what_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Permissions don't hold back root, so the system's answer is given for it."""
    for name in ("a.wav", "secret.wav", "closed/b.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        sf.write(tmp_path / name, voiced(1.0, 16_000, 0), 16_000)
    scandir, open_path = os.scandir, Path.open

    def closed(path):
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    def secret(path: Path, *arguments, **keywords):
        if path.name == "secret.wav":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open_path(path, *arguments, **keywords)

    monkeypatch.setattr(os, "scandir", closed)
    monkeypatch.setattr(Path, "open", secret)
    manifest = scan_folder(tmp_path)
    assert [r.path for r in manifest.recordings] == ["a.wav"]
    assert "unreadable folder (Permission denied)" in manifest.unusable["closed"]
    assert "secret.wav: unreadable (Permission denied)" in manifest.unusable["secret.wav"]
    assert "2 unusable, listed in unusable.csv (2 unreadable)" in manifest.summary(0.95)


def test_names_that_are_not_utf8_are_named(tmp_path: Path):
    sf.write(tmp_path / "a.wav", voiced(1.0, 16_000, 0), 16_000)
    try:
        (tmp_path / os.fsdecode(b"gr\xfc\xdfe.wav")).write_bytes((tmp_path / "a.wav").read_bytes())
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    manifest = scan_folder(tmp_path)
    assert len(manifest.recordings) == 1
    assert "isn't UTF-8" in manifest.unusable[r"gr\xfc\xdfe.wav"]
    manifest.write(tmp_path / "run")
    assert r"gr\xfc\xdfe.wav" in (tmp_path / "run" / "unusable.csv").read_text("utf-8")


def test_lfs_pointers_are_called_so(tmp_path: Path):
    sf.write(tmp_path / "a.wav", voiced(1.0, 16_000, 0), 16_000)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (tmp_path / "b.wav").write_text(pointer)
    manifest = scan_folder(tmp_path)
    assert "git lfs pull" in manifest.unusable["b.wav"]
    assert "(1 git-lfs pointers)" in manifest.summary(0.95)
