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
        "--PJHxphWEs_30.0-40.0", "id_--PJHxphWEs", "ID---PJHxphWEs", "--PJHxphWEs_Original",
        "A title [--PJHxphWEs]", "Y---PJHxphWEs", "Y--PJHxphWEs", "--PJHxphWEs_30000_40000",
    ],
)  # fmt: skip
def test_names_that_downloaders_write(name: str, segments: Path, tmp_path: Path):
    chosen, _ = speech_segments(read_segments(segments), frozenset({SPEECH}))
    sf.write(tmp_path / f"{name}.wav", voiced(0.5, 16_000, 0), 16_000)
    joined = join_files(chosen, tmp_path)
    assert [(s.id, path) for s, path in joined.found] == [("--PJHxphWEs", f"{name}.wav")]


def test_two_ids_in_a_name_are_used_for_neither(segments: Path, tmp_path: Path):
    for name in ("millisecond --PJHxphWEs", "millisecond"):
        sf.write(tmp_path / f"{name}.wav", voiced(0.5, 16_000, 0), 16_000)
    joined = join_files(read_segments(segments), tmp_path)
    assert [path for _, path in joined.found] == ["millisecond.wav"]
    assert joined.counts["files with the ids of several segments in their name"] == 1


def test_the_first_usable_file_of_a_segment(segments: Path, tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/--PJHxphWEs.m4a").write_bytes(b"not audio")
    (tmp_path / "a/--PJHxphWEs.wav").write_bytes(b"")
    sf.write(tmp_path / "--PJHxphWEs_30.flac", voiced(0.5, 16_000, 0), 16_000)
    sf.write(tmp_path / "z--PJHxphWEs.flac", voiced(0.5, 16_000, 0), 16_000)  # not free
    chosen, _ = speech_segments(read_segments(segments), frozenset({SPEECH}))
    joined = join_files(chosen, tmp_path)
    assert [path for _, path in joined.found] == ["--PJHxphWEs_30.flac"]
    assert joined.counts["files of a segment that has one"] == 2


def test_lists_with_a_byte_order_mark(segments: Path):
    before = read_segments(segments)
    segments.write_bytes(b"\xef\xbb\xbf" + segments.read_bytes())
    assert read_segments(segments) == before
