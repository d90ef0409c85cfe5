"""AudioSet's speech: the subtree, the published lists, and the names that files have."""

import csv
from pathlib import Path

import pytest
import soundfile as sf

from datamodules.manifest.__main__ import main
from datamodules.manifest.audioset import (
    MUSIC,
    SPEECH,
    SYNTHETIC,
    AudioSetError,
    descendants,
    join_files,
    read_segments,
    speech_segments,
)
from datamodules.manifest.recordings import read_manifest
from tests.support.audioset_files import (
    CHILD,
    CONVERSATION,
    GUITAR,
    HEADER,
    write_audio,
    write_ontology,
    write_segments,
)
from tests.support.speech import voiced


@pytest.fixture
def ontology(tmp_path: Path) -> Path:
    return write_ontology(tmp_path / "ontology.json")


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    return write_segments(tmp_path / "segments.csv")


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    return write_audio(tmp_path / "audio")


def test_subtree(ontology: Path):
    assert descendants(ontology) == {SPEECH, CHILD, CONVERSATION, SYNTHETIC}
    assert descendants(ontology, MUSIC) == {MUSIC, GUITAR}


def test_names(segments: Path, audio: Path, ontology: Path):
    chosen, counts = speech_segments(read_segments(segments), descendants(ontology))
    assert counts == {"listed": 10, "without speech": 1, "listed again": 1}
    joined = join_files(chosen, audio)
    assert {path: (s.id, s.start) for s, path in joined.found} == {
        "--PJHxphWEs.wav": ("--PJHxphWEs", 30),
        "a/Y-0RWZT-miFs.flac": ("-0RWZT-miFs", 420),
        "a/b/Yabcdefghi__0_10.wav": ("Yabcdefghi_", 0),
        "0123456_89a_30.000.wav": ("0123456_89a", 30),
        "0123456_89a_70.000_80.000.flac": ("0123456_89a", 70),
        "robotrobot0_5.500_15.500.wav": ("robotrobot0", 5.5),
        "millisecond_30000.ogg": ("millisecond", 30),
    }
    assert [s.id for s in joined.absent] == ["absentabsen"]
    assert joined.counts == {
        "files of no speech segment": 2,
        "files of a segment that has one": 1,
        "absent": 1,
        "found": 7,
    }


def test_command(segments, audio, ontology, tmp_path, capsys):
    out = tmp_path / "lists" / "speech.csv"
    command = [
        *("audioset", "--ontology", str(ontology), "--segments", str(segments)),
        *("--audio", str(audio), "--out", str(out)),
    ]
    assert main([*command, "--exclude-music", "--exclude-synthetic"]) == 0
    printed = capsys.readouterr().out
    assert "5 found" in printed
    assert "1 absent" in printed
    assert "2 without speech" in printed  # the synthesizer is no speech any more
    assert "1 excluded for another label" in printed
    assert len(read_manifest(out).recordings) == 5
    with out.with_suffix(".absent.csv").open() as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["absentabsen"]
    assert main(command) == 0
    assert len(read_manifest(out).recordings) == 7


def test_an_id_with_two_segments_and_a_name_without_a_start(segments, ontology, tmp_path):
    chosen, _ = speech_segments(read_segments(segments), descendants(ontology))
    sf.write(tmp_path / "0123456_89a.wav", voiced(0.2, 16_000, 0), 16_000)
    with pytest.raises(AudioSetError, match="none of 8 speech segments"):
        join_files(chosen, tmp_path)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("abc, 1.0\n", r"line 4 is 'abc,1\.0'"),
        ('abc, one, 2.0, "/m/1"\n', "line 4 is 'abc,one"),
    ],
)
def test_bad_rows(tmp_path: Path, row: str, complaint: str):
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + row)
    with pytest.raises(AudioSetError, match=complaint):
        read_segments(path)


def test_bad_files(tmp_path, segments, ontology, audio, capsys):
    bad = tmp_path / "bad.json"
    bad.write_text('{"a": 1}')
    for changed, complaint in (
        ({"--ontology": bad}, "not AudioSet's ontology"),
        ({"--audio": tmp_path / "gone"}, "no such folder"),
        ({"--segments": tmp_path / "gone.csv"}, "can't be read (No such file or directory)"),
    ):
        arguments = {"--ontology": ontology, "--segments": segments, "--audio": audio} | changed
        command = ["audioset", "--out", str(tmp_path / "out.csv")]
        for name, value in arguments.items():
            command += [name, str(value)]
        assert main(command) == 1
        assert complaint in capsys.readouterr().err
        assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "name",
    [
        "--PJHxphWEs_30.0-40.0.wav",
        "id_--PJHxphWEs.wav",
        "--PJHxphWEs_Original.wav",
        "A title [--PJHxphWEs].wav",
        "Y---PJHxphWEs.wav",
        "id---PJHxphWEs-speech.wav",
    ],
)
def test_names_that_downloaders_write(name, segments, ontology, tmp_path):
    chosen, _ = speech_segments(read_segments(segments), descendants(ontology))
    sf.write(tmp_path / name, voiced(0.2, 16_000, 0), 16_000)
    assert [(s.id, path) for s, path in join_files(chosen, tmp_path).found] == [
        ("--PJHxphWEs", name)
    ]


def test_the_first_usable_file_of_an_id_and_ambiguous_names(segments, ontology, tmp_path):
    chosen, _ = speech_segments(read_segments(segments), descendants(ontology))
    for folder in ("b", ".Trash-1000"):
        (tmp_path / folder).mkdir()
        sf.write(tmp_path / folder / "--PJHxphWEs.wav", voiced(0.2, 16_000, 0), 16_000)
    (tmp_path / "--PJHxphWEs.m4a").write_bytes(b"")
    (tmp_path / "--PJHxphWEs and robotrobot0.wav").write_bytes(b"")
    (tmp_path / "xxrobotrobot0.wav").write_bytes(b"")  # no id stands free in it
    joined = join_files(chosen, tmp_path)
    assert [path for _, path in joined.found] == ["b/--PJHxphWEs.wav"]
    assert joined.counts == {
        "files of two segments": 1,
        "files of no speech segment": 1,
        "files of a segment that has one": 1,
        "hidden folders passed over": 1,
        "absent": 7,
        "found": 1,
    }
