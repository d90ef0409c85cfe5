"""Recordings of a pre-training that a test corpus has: equal, decoded alike, encoded anew, cut."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.landmark_file import landmark_path
from datamodules.listening import main as listen_main
from datamodules.manifest.recordings import scan_folder
from datamodules.shards.packing import pack
from serab.analyses.__main__ import main
from serab.analyses.overlap import Sameness, overlap
from serab.index import CorpusIndex, Stamp, Utterance, write_index

SECONDS = 2.5


def speech(number: int) -> np.ndarray:
    """Syllables of changing pitch: no two numbers alike."""
    random = np.random.default_rng(number)
    time = np.arange(round(SECONDS * 16_000)) / 16_000
    pitch = 120 + 60 * np.interp(time, np.linspace(0, SECONDS, 12), random.random(12))
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    formants = np.interp(time, np.linspace(0, SECONDS, 15), random.uniform(2, 14, 15))
    tone = sum(np.exp(-0.3 * (k - formants) ** 2) * np.sin(k * phase) for k in range(1, 25))
    loudness = np.interp(time, np.linspace(0, SECONDS, 16), random.uniform(0, 1, 16)) ** 2
    return (0.2 * loudness * tone + random.normal(0, 1e-4, len(time))).astype(np.float32)


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> CorpusIndex:
    root = tmp_path_factory.mktemp("tested") / "EMV"
    utterances, stamps = [], []
    for number in range(8):
        path = root / "audio" / f"u{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, speech(number), 16_000, "PCM_16")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        utterances.append(
            Utterance(path.stem, path.name, f"f{number}", f"f{number}", "anger", SECONDS, digest)
        )
        stamps.append(Stamp(path.stat().st_size, path.stat().st_mtime_ns))
    found = CorpusIndex("EMV", root / "audio", ("anger",), tuple(utterances))
    write_index(found, stamps, root, "made here", True)
    return found


@pytest.fixture(scope="module")
def heard(index, tmp_path_factory) -> Path:
    """A folder of a pre-training: five utterances of the corpus in some form, and others."""
    root = tmp_path_factory.mktemp("heard")
    rate = 16_000
    (root / "equal.wav").write_bytes(index.audio(index.utterances[0]).read_bytes())
    sf.write(root / "decoded.flac", sf.read(index.audio(index.utterances[1]))[0], rate, "PCM_16")
    sf.write(root / "mp3.mp3", sf.read(index.audio(index.utterances[2]))[0], rate)
    sf.write(
        root / "cut.wav", 0.5 * sf.read(index.audio(index.utterances[3]))[0][6_011:-7_003], rate
    )
    for number in range(100, 110):
        sf.write(root / f"other{number}.wav", speech(number), rate)
    return root


def test_overlap(index, heard):
    found = overlap(heard, index)
    assert found.utterances_by(Sameness.FILE) == ["u0"]
    assert found.utterances_by(Sameness.AUDIO) == ["u1"]
    assert found.utterances_by(Sameness.CONTENT) == ["u2", "u3"]
    assert {Path(pair.recording).stem for pair in found.pairs} == {"equal", "decoded", "mp3", "cut"}
    assert found.recordings == 14
    assert found.false_alarms == 0


def test_landmarks_answer_when_the_recordings_are_gone(index, heard, tmp_path):
    out = landmark_path(tmp_path / "encoder.safetensors")
    assert listen_main([str(heard), "--out", str(out)]) == 0
    (tmp_path / "encoder.safetensors").touch()
    kept = overlap(tmp_path, index)  # a run directory
    assert kept.utterances_by(Sameness.FILE) == ["u0"]
    assert kept.utterances_by(Sameness.AUDIO) == ["u1"]
    assert kept.utterances_by(Sameness.CONTENT) == ["u2", "u3"]
    assert (kept.recordings, kept.false_alarms, len(kept.digest)) == (14, 0, 64)
    assert overlap(out, index) == overlap(tmp_path / "encoder.safetensors", index) == kept
    pack(scan_folder(heard), tmp_path / "shards", jobs=1)
    packed = tmp_path / "packed.landmarks.zip"
    assert listen_main([str(tmp_path / "shards"), "--out", str(packed)]) == 0
    decoded = overlap(packed, index)  # no file is known any more
    assert decoded.utterances_by(Sameness.AUDIO) == ["u0", "u1"]
    assert decoded.utterances_by(Sameness.CONTENT) == ["u2", "u3"]


def test_what_has_no_landmarks_says_how_to_get_some(index, tmp_path):
    encoder = tmp_path / "encoder.safetensors"
    encoder.touch()
    for source in (encoder, tmp_path):
        with pytest.raises(ValueError, match=r"no encoder.landmarks.zip beside it; write it with"):
            overlap(source, index)


def test_the_command_keeps_what_it_finds(index, heard, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SERAB_DATA", str(index.root.parents[1]))
    manifest = tmp_path / "recordings.csv"
    manifest.write_text("path\nequal.wav\ngone.wav\n")
    out = tmp_path / "overlap.json"
    arguments = ["overlap", str(manifest), "--task", "EMV", "--root", str(heard)]
    assert main([*arguments, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "equal files: 1 of 8 utterances of EMV: u0" in printed
    assert "1 recordings can't be read, such as" in printed
    kept = json.loads(out.read_text())
    assert (kept["corpus_digest"], kept["recordings"]) == (index.digest, 1)
    manifest.write_text("path\ngone.wav\n")
    assert main(arguments) == 1
    assert "none of its 1 recordings is there, the first is" in capsys.readouterr().err
    assert main(["overlap", str(tmp_path / "no"), "--task", "EMV"]) == 1
    assert "no such file or folder" in capsys.readouterr().err
