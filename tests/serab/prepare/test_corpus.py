"""What people really give `prepare`: wrong, broken, partial and odd sources, and what it says."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from serab.corpora import CORPORA
from serab.corpora.records import Archive
from serab.index import load_index
from serab.prepare.__main__ import main, overview
from serab.prepare.corpus import prepare
from serab.prepare.downloads import fetch
from serab.prepare.errors import PrepareError
from tests.support.corpus_trees import provider_paths, write_iemocap, write_tree, write_wav
from tests.support.paths import ROOT

SAVEE = 480
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 68440\n"


@pytest.fixture
def savee(tmp_path):
    """A whole SAVEE in a folder: the smallest of the nine."""
    write_tree(tmp_path / "in", provider_paths("SAV"))
    return tmp_path / "in"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def pack(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.write(path, path.relative_to(folder))
    return archive


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(capsys, *arguments) -> str:
    """Run the command line; it must fail with one `error:` line, which is returned."""
    capsys.readouterr()
    assert main([str(a) for a in arguments]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    return said.err


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


def test_custom(capsys, root, tmp_path):
    for name in ("a/1.wav", "a/2.wav", "b/3.wav"):
        write_wav(tmp_path / name)
    table = tmp_path / "mine.csv"
    table.write_text("path,speaker,emotion\na/1.wav,x,joy\na/2.wav,y,anger\nb/3.wav,z,joy\n")
    assert main(["custom", "--source", str(table)]) == 0
    index = load_index("CUSTOM")
    assert index.emotions == ("anger", "joy")
    assert next((u.path, u.speaker, u.emotion) for u in index.utterances) == ("a/1.wav", "x", "joy")
    assert all(index.audio(u).is_file() for u in index.utterances)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"name,speaker,emotion\na.wav,x,joy\n", "lacks the column(s) path"),
        (b"path,speaker,emotion\na.wav,,joy\n", "line 2: path, speaker or emotion is empty"),
        (
            b"path,speaker,emotion\na.wav,x,joy\na.wav,x,joy\n",
            "line 3: a.wav is there twice, first in line 2",
        ),
        (b"path,speaker,emotion\n", "lists no recordings"),
        (b"path,speaker,emotion\nCol\xe8re.wav,x,joy\n", "not UTF-8"),
        (b"path,speaker,emotion\na.wav,x,joy\nno.wav,y,joy\n", "corrupt: no.wav"),
    ],
)
def test_custom_tables_that_cannot_be_used(text, said, capsys, root, tmp_path):
    write_wav(tmp_path / "a.wav")
    (tmp_path / "mine.csv").write_bytes(text)
    assert said in refused(capsys, "CUSTOM", "--source", tmp_path / "mine.csv")
    assert not root.exists()


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


@pytest.mark.parametrize("code", ["IEM", "SAV"])
def test_download_of_restricted_corpora_says_where_to_register(code, capsys, root):
    said = refused(capsys, code, "--download")
    assert "on request only: register at http" in said


def test_download_without_a_direct_link(capsys, root):
    assert "get it from https://github.com/CheyneyComputerScience/CREMA-D" in refused(
        capsys, "CRE", "--download"
    )
    with pytest.raises(PrepareError, match="no direct link"):
        fetch("AES")


def test_download_and_prepare(root, tmp_path, monkeypatch, capsys):
    write_tree(tmp_path / "in", provider_paths("EMB"))
    (tmp_path / "web").mkdir()
    pack(tmp_path / "in", tmp_path / "web/download.zip")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/download.zip"
        local = replace(CORPORA["EMB"], archives=(Archive("download.zip", url),))
        for room in ("corpus", "downloads"):
            monkeypatch.setattr(f"serab.prepare.{room}.corpus", lambda code: local)
        assert main(["EMB", "--download"]) == 0
        server.shutdown()
    assert "EMB: 535 utterances" in capsys.readouterr().out
    assert (root / "downloads/EMB/download.zip").is_file()
    assert len(load_index("EMB").utterances) == 535


def test_prepare_leaves_torch_alone_until_it_decodes():
    code = "import sys, serab.prepare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("separator", [";", "\t"])
def test_custom_tables_with_other_separators(separator, root, tmp_path):
    for name in ("1.wav", "2.wav"):
        write_wav(tmp_path / name)
    lines = ("path,speaker,emotion", "1.wav,x,joy", "2.wav,y,anger")
    text = "\r\n".join(lines).replace(",", separator)
    (tmp_path / "mine.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(prepare("CUSTOM", [tmp_path / "mine.csv"]).utterances) == 2


def test_one_emotion_is_refused(capsys, root, tmp_path):
    for name in ("1.wav", "2.wav"):
        write_wav(tmp_path / name)
    (tmp_path / "mine.csv").write_text("path,speaker,emotion\n1.wav,x,joy\n2.wav,y,joy\n")
    said = refused(capsys, "CUSTOM", "--source", tmp_path / "mine.csv")
    assert "all 2 recordings have one emotion, joy" in said


def test_one_recording_under_two_labels(capsys, root, tmp_path):
    write_wav(tmp_path / "1.wav")
    (tmp_path / "mine.csv").write_text("path,speaker,emotion\n1.wav,x,joy\n./1.wav,x,anger\n")
    said = refused(capsys, "CUSTOM", "--source", tmp_path / "mine.csv")
    assert "line 3: ./1.wav" in said
