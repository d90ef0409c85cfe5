"""AudioSet's speech: the subtree, the published lists, and the names that files have."""

import csv
import json
from pathlib import Path

import pytest
import soundfile as sf
from conftest import voiced

from datamodules.audioset import (
    MUSIC,
    SPEECH,
    SYNTHETIC,
    AudioSetError,
    descendants,
    join_files,
    read_segments,
    speech_segments,
)
from datamodules.manifest import main, read_manifest

CHILD, CONVERSATION, DOG, GUITAR = "/m/0ytgt", "/m/01h8n0", "/m/0bt9lr", "/m/0342h"
HEADER = """# Segments csv created Sun Mar  5 10:54:31 2017
# num_ytids=20371, num_segs=20371, num_unique_labels=527, num_positive_labels=51804
# YTID, start_seconds, end_seconds, positive_labels
"""
ROWS = f"""--PJHxphWEs, 30.000, 40.000, "{SPEECH},{DOG}"
-0RWZT-miFs, 420.000, 430.000, "{CHILD}"
Yabcdefghi_, 0.000, 10.000, "{CONVERSATION}"
0123456_89a, 30.000, 40.000, "{SPEECH},{GUITAR}"
0123456_89a, 70.000, 80.000, "{SPEECH}"
dogdogdogdo, 0.000, 10.000, "{DOG}"
robotrobot0, 5.500, 15.500, "{SYNTHETIC}"
millisecond, 30.000, 40.000, "{SPEECH}"
absentabsen, 1.000, 11.000, "{SPEECH}"
--PJHxphWEs, 30.000, 40.000, "{SPEECH},{DOG}"
"""


@pytest.fixture
def ontology(tmp_path: Path) -> Path:
    def entry(label: str, name: str, *children: str) -> dict:
        return {
            "id": label, "name": name, "description": "", "citation_uri": "",
            "positive_examples": [], "child_ids": list(children), "restrictions": [],
        }  # fmt: skip

    path = tmp_path / "ontology.json"
    path.write_text(
        json.dumps(
            [
                entry("/m/0dgw9r", "Human sounds", SPEECH),
                entry(SPEECH, "Speech", CHILD, CONVERSATION, SYNTHETIC),
                entry(CHILD, "Child speech, kid speaking"),
                entry(CONVERSATION, "Conversation"),
                entry(SYNTHETIC, "Speech synthesizer"),
                entry(MUSIC, "Music", GUITAR),
                entry(GUITAR, "Guitar"),
                entry(DOG, "Dog"),
            ]
        )
    )
    return path


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    path = tmp_path / "segments.csv"
    path.write_text(HEADER + ROWS)
    return path


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    root = tmp_path / "audio"
    names = (
        "--PJHxphWEs.wav",  # ID
        "a/Y-0RWZT-miFs.flac",  # YID
        "a/b/Yabcdefghi__0_10.wav",  # ID_START_END of an id that begins with Y and ends with _
        "0123456_89a_30.000.wav",  # ID_START
        "0123456_89a_70.000_80.000.flac",
        "robotrobot0_5.500_15.500.wav",
        "millisecond_30000.ogg",  # ID_STARTMS
        "dogdogdogdo.wav",
        "copies/--PJHxphWEs.wav",
        "notes.wav",
    )
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        sf.write(root / name, voiced(0.2, 16_000, i), 16_000)
    return root


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
