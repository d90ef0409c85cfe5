"""A corpus as archives or folders, whole, damaged or of something else."""

import shutil
from pathlib import Path

import pytest

from serab.index import load_index
from serab.prepare.corpus import prepare
from tests.support.corpus_trees import write_wav
from tests.support.prepare_command import SAVEE, everything_in, pack, refused


def test_archive_and_folder_agree(savee, root, tmp_path):
    archive = pack(savee, tmp_path / "AudioData.zip")
    unpacked = prepare("SAV", [archive])
    assert load_index("SAV").digest == unpacked.digest
    assert unpacked.root == root / "SAV/audio"
    assert prepare("SAV", [savee], tmp_path / "other").digest == unpacked.digest
    assert not list(root.rglob(".unpacking*"))
    again = prepare("SAV", [archive])  # a second time, over the first
    assert again.digest == unpacked.digest
    assert not (root / "SAV/.replaced").exists()


def test_tar_gz_and_folder_of_archives(savee, root, tmp_path):
    shutil.make_archive(str(tmp_path / "savee"), "gztar", savee)
    assert len(prepare("SAV", [tmp_path / "savee.tar.gz"]).utterances) == SAVEE
    (tmp_path / "down").mkdir()
    pack(savee, tmp_path / "down/AudioData.zip")
    assert len(prepare("SAV", [tmp_path / "down"]).utterances) == SAVEE


def test_archive_in_an_archive_and_two_archives(savee, root, tmp_path):
    digest = prepare("SAV", [savee], tmp_path / "other").digest
    (tmp_path / "down").mkdir()
    pack(savee, tmp_path / "down/AudioData.zip")
    outer = pack(tmp_path / "down", tmp_path / "savee-master.zip")
    assert prepare("SAV", [outer]).digest == digest
    halves = []
    for half, people in (("one", ("DC", "JE")), ("two", ("JK", "KL"))):
        for who in people:
            shutil.move(savee / "AudioData" / who, tmp_path / half / who)
        halves.append(pack(tmp_path / half, tmp_path / f"{half}.zip"))
    assert prepare("SAV", halves).digest == digest


def test_folder_of_another_corpus(capsys, savee, root):
    said = refused(capsys, "EMB", "--source", savee)
    assert "not EmoDB (EMB): 480 files are named as in SAVEE" in said
    assert "serab.prepare SAV" in said
    assert not root.exists()


def test_wrong_archive(capsys, savee, root, tmp_path):
    archive = pack(savee, tmp_path / "wrong.zip")
    assert "480 files are named as in SAVEE" in refused(capsys, "RAV", "--source", archive)
    assert not (root / "RAV").exists()


def test_folder_of_something_else(capsys, root, tmp_path):
    for name in ("song.mp3", "voice.wav"):
        write_wav(tmp_path / "in" / name)
    said = refused(capsys, "EMB", "--source", tmp_path / "in")
    assert "2 audio files, but none named as in EmoDB (EMB), such as 'wav/03a01Fa.wav'" in said
    assert "voice.wav" in said
    (tmp_path / "empty").mkdir()
    assert "no audio file" in refused(capsys, "EMB", "--source", tmp_path / "empty")


def test_not_an_archive(capsys, savee, root, tmp_path):
    note = tmp_path / "notes.txt"
    note.write_text("hello")
    assert "neither an archive (zip, tar, tar.gz) nor a folder" in refused(
        capsys, "SAV", "--source", note
    )
    archive = pack(savee, tmp_path / "a.zip")
    assert "one folder, or one or more archives" in refused(
        capsys, "SAV", "--source", archive, savee
    )


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_half_downloaded_archive_loses_nothing(kind, capsys, savee, root, tmp_path):
    whole = Path(shutil.make_archive(str(tmp_path / "a"), kind, savee))
    prepare("SAV", [whole])
    before = everything_in(root)
    half = tmp_path / f"half{''.join(whole.suffixes)}"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    said = refused(capsys, "SAV", "--source", half)
    assert "half-downloaded" in said or "cut off or damaged" in said
    assert "download it again" in said
    assert everything_in(root) == before
    assert len(load_index("SAV").utterances) == SAVEE


def test_flipped_byte_in_an_archive(capsys, savee, root, tmp_path):
    archive = pack(savee, tmp_path / "a.zip")
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF  # in the first member's data
    archive.write_bytes(content)
    assert "cut off or damaged" in refused(capsys, "SAV", "--source", archive)
    assert not (root / "SAV").exists()


def test_known_size_of_the_providers_archive(capsys, savee, root, tmp_path):
    archive = pack(savee, tmp_path / "Audio_Speech_Actors_01-24.zip")
    said = refused(capsys, "RAV", "--source", archive)
    assert "half-downloaded" in said
    assert "has 208468073" in said
