"""What people really give `prepare`: broken, partial and odd sources, and what it says."""

import errno
import os
import shutil
import subprocess
import sys

import pytest

from serab.index import load_index
from serab.prepare.__main__ import main, overview
from serab.prepare.corpus import prepare
from tests.support.corpus_trees import write_iemocap, write_wav
from tests.support.paths import ROOT
from tests.support.prepare_command import SAVEE, everything_in, pack, refused

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 68440\n"


def test_command_line_as_a_user_runs_it(savee, root, tmp_path):
    command = [sys.executable, "-m", "serab.prepare", "sav", "--source", str(savee)]
    top = ROOT
    done = subprocess.run(command, cwd=top, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "SAV: 480 utterances, 4 speakers, 7 emotions" in done.stdout
    assert "anger 60" in done.stdout
    assert len(load_index("SAV", root).utterances) == SAVEE
    done = subprocess.run([*command[:-1], str(tmp_path / "no")], cwd=top, capture_output=True)
    assert done.returncode == 1
    assert b"no such file or folder" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [[], ["SAV"], ["SAV", "--source", "x", "--download"]])
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2


def test_unknown_corpus(capsys, savee, root):
    assert "unknown corpus 'XYZ'; choose one of AES, CAF" in refused(
        capsys, "XYZ", "--source", savee
    )


def test_class_missing(capsys, savee, root):
    gone = sorted(savee.rglob("su*.wav"))
    for path in gone:
        path.unlink()
    said = refused(capsys, "SAV", "--source", savee)
    assert "not complete, 420 of 480 utterances can be used, surprise not at all" in said
    assert "missing: DC_su01" in said
    assert "and 10 more" in said
    assert "--allow-partial" in said
    assert not root.exists()


def test_missing_and_broken_by_name_and_partial(capsys, savee, root):
    (savee / "AudioData/DC/a01.wav").unlink()
    (savee / "AudioData/JE/n30.wav").write_bytes(b"RIFF")
    (savee / "AudioData/KL/h02.wav").write_bytes(b"")
    said = refused(capsys, "SAV", "--source", savee)
    assert "missing: DC_a01" in said
    assert "corrupt: AudioData/JE/n30.wav: not audio" in said
    assert "corrupt: AudioData/KL/h02.wav: empty" in said
    assert not root.exists()
    assert main(["SAV", "--source", str(savee), "--allow-partial"]) == 0
    assert "PARTIAL" in capsys.readouterr().out
    index = load_index("SAV")
    assert index.partial
    assert index.missing == ("DC_a01",)
    assert index.corrupt == ("JE_n30", "KL_h02")
    assert len(index.utterances) == 477
    assert "partial" in overview()


def test_lfs_pointers(capsys, savee, root):
    for path in savee.rglob("*.wav"):
        path.write_bytes(POINTER)
    said = refused(capsys, "SAV", "--source", savee, "--allow-partial")
    assert "480 of 480 recordings are git-lfs pointers" in said
    assert "git lfs pull" in said
    assert not root.exists()


def test_same_recording_in_two_folders_is_taken_once(savee, root):
    shutil.copytree(savee / "AudioData", savee / "copy/AudioData")
    index = prepare("SAV", [savee])
    assert len(index.utterances) == SAVEE
    assert all(u.path.startswith("AudioData/") for u in index.utterances)
    assert any("480 recordings are there more than once" in note for note in index.notes)


def test_two_files_with_one_name(capsys, savee, root):
    write_wav(savee / "ALL/DC_a01.wav")
    said = refused(capsys, "SAV", "--source", savee)
    assert "two different files are named 'DC_a01'" in said
    assert "ALL/DC_a01.wav" in said
    assert "AudioData/DC/a01.wav" in said
    assert not root.exists()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no names that aren't UTF-8")
def test_names_that_are_not_utf8(capsys, savee, root):
    folder = os.path.join(os.fsencode(savee), "Colère".encode("latin-1"))
    os.mkdir(folder)
    shutil.copy(savee / "AudioData/DC/a01.wav", os.path.join(folder, b"DC_a01.wav"))
    said = refused(capsys, "SAV", "--source", savee)
    assert "1 audio files have names or folders that aren't UTF-8" in said
    assert r"Col\xe8re/DC_a01.wav" in said
    assert not root.exists()


def test_equal_recordings_under_two_names_are_noted(savee, root):
    shutil.copy(savee / "AudioData/DC/a01.wav", savee / "AudioData/JE/a01.wav")
    index = prepare("SAV", [savee])
    assert any("several names: DC_a01 = JE_a01" in note for note in index.notes)
    assert any("unusual durations" in note for note in index.notes)


def test_macos_doubles_and_strangers(savee, root):
    (savee / "__MACOSX/AudioData/DC").mkdir(parents=True)
    (savee / "__MACOSX/AudioData/DC/a01.wav").write_bytes(b"x")
    (savee / "AudioData/DC/._a01.wav").write_bytes(b"x")
    write_wav(savee / "extra/hello.wav")
    index = prepare("SAV", [savee])
    assert len(index.utterances) == SAVEE
    assert any("1 other audio files" in n and "extra/hello.wav" in n for n in index.notes)


def test_no_space_by_forecast(capsys, savee, root, tmp_path, monkeypatch):
    archive = pack(savee, tmp_path / "a.zip")
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("serab.prepare.archives.shutil.disk_usage", lambda _: usage)
    assert "too little space" in refused(capsys, "SAV", "--source", archive)
    assert not (root / "SAV").exists()


@pytest.mark.parametrize(
    "where", ["serab.index.os.fsync", "serab.prepare.archives.shutil.copyfileobj"]
)
def test_no_space_in_the_middle_keeps_what_was(where, capsys, savee, root, tmp_path, monkeypatch):
    archive = pack(savee, tmp_path / "a.zip")
    prepare("SAV", [archive])
    before = everything_in(root)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(where, full)
    assert "no space left in" in refused(capsys, "SAV", "--source", archive)
    assert everything_in(root) == before
    assert len(load_index("SAV").utterances) == SAVEE


def test_a_killed_run_is_cleaned_up(savee, root, tmp_path):
    archive = pack(savee, tmp_path / "a.zip")
    prepare("SAV", [archive])
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (root / f"SAV/.unpacking-{dead.pid}-x").mkdir()
    (root / "SAV/audio").rename(root / "SAV/.replaced")  # killed between two renames
    prepare("SAV", [archive])
    assert sorted(p.name for p in (root / "SAV").iterdir()) == ["audio", "index.csv", "index.json"]
    assert len(load_index("SAV").utterances) == SAVEE


def test_audio_that_the_user_put_there_is_never_replaced(capsys, savee, root, tmp_path):
    shutil.copytree(savee, root / "SAV/audio")
    archive = pack(savee, tmp_path / "a.zip")
    before = everything_in(root)
    assert "wasn't unpacked by this command" in refused(capsys, "SAV", "--source", archive)
    assert everything_in(root) == before
    assert main(["SAV", "--source", str(root / "SAV/audio")]) == 0


def test_iemocap_without_or_with_damaged_labels(capsys, root, tmp_path):
    write_iemocap(tmp_path / "in", people=["01F"])
    release = tmp_path / "in/IEMOCAP_full_release"
    turns = sorted(release.rglob("EmoEvaluation/Ses*.txt"))
    wav = next(release.rglob("Ses01F_impro01_F*.wav"))
    wav.unlink()
    assert f"missing: {wav.stem}" in refused(capsys, "IEM", "--source", tmp_path / "in")
    write_wav(wav)
    whole = turns[0].read_text()
    turns[0].write_text(whole.replace("]\tSes", "] Ses", 1))
    said = refused(capsys, "IEM", "--source", tmp_path / "in")
    assert f"{turns[0]}, line 3: not a turn" in said
    for path in turns:
        path.unlink()
    assert "no label file" in refused(capsys, "IEM", "--source", tmp_path / "in")


def test_list_names_the_nine_and_what_is_ready(capsys, savee, root):
    prepare("SAV", [savee])
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = {line.split()[0]: line for line in lines if line}
    assert set(["AES", "CAF", "CRE", "EMB", "EMV", "IEM", "RAV", "SAV", "SHE"]) <= set(row)
    assert " yes " in row["SAV"]
    assert " no " in row["EMB"]
    assert "CC BY-NC-SA 4.0" in row["RAV"]
    assert "(registration)" in row["IEM"]
    assert "https://zenodo.org/record/1188976" in row["RAV"]


def test_prepare_leaves_torch_alone_until_it_decodes():
    code = "import sys, serab.prepare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
