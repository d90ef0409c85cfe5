"""The demo speech: a balanced plan, the same bytes in any order, resumed after any accident."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.demo import EMOTIONS, LANGUAGES, SPEAKERS, demo_utterances
from datamodules.demo import speech as demo
from datamodules.demo.manifest import MANIFEST
from datamodules.demo.speech import make_demo_speech
from tests.support.paths import ROOT

PAIR = ("de_m1", "fa_f1")  # a male and a female voice, Latin and Persian script


def contents(out: Path) -> dict[str, str]:
    """Hashes, since pytest takes minutes to show how two recordings differ."""
    return {
        p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(out.rglob("*.wav"))
    }


def times(out: Path) -> dict[str, int]:
    return {p.relative_to(out).as_posix(): p.stat().st_mtime_ns for p in out.rglob("*.wav")}


def command(out: Path, *more: str) -> list[str]:
    arguments = ["--out", str(out), "--sentences", "2", "--speakers", *PAIR, *more]
    return [sys.executable, "-m", "datamodules.demo", *arguments]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers, two sentences, five emotions, made by one worker: leave it as it is."""
    return make_demo_speech(tmp_path_factory.mktemp("spoken"), 1, speakers=PAIR, sentences=2)


@pytest.fixture
def folder(spoken: Path, tmp_path: Path) -> Path:
    """A copy to be spoiled."""
    out = tmp_path / "demo"
    subprocess.run(["cp", "-a", spoken, out], check=True)
    return out


def test_plan_is_balanced():
    plan = demo_utterances()
    paths = [u.path for u in plan]
    assert len(plan) == len(set(paths)) == 630
    assert paths == sorted(paths)
    assert EMOTIONS == ("anger", "fear", "happiness", "neutral", "sadness")
    assert set(LANGUAGES) == {"de", "el", "en", "fa", "fr", "it"}
    assert set(Counter((u.speaker, u.emotion) for u in plan).values()) == {7}
    # words must not give the emotion away
    assert set(Counter((u.speaker, u.text) for u in plan).values()) == {5}
    assert set(Counter(s.language for s in SPEAKERS.values()).values()) == {3}
    assert Counter(name[3] for name in SPEAKERS) == {"f": 9, "m": 9}
    assert len({s.voice for s in SPEAKERS.values()}) == len(SPEAKERS)
    for u in plan:
        name = rf"{u.language}/{u.speaker}/{u.speaker}_{u.emotion}_0[1-7]\.wav"
        assert re.fullmatch(name, u.path)


def test_plan_of_a_part_is_a_part_of_the_plan():
    whole = {u.path: u for u in demo_utterances()}
    part = demo_utterances(reversed(PAIR), 3)
    assert len(part) == 2 * 5 * 3
    assert all(whole[u.path] == u for u in part)


def test_manners_follow_the_literature():
    def mean(emotion: str, field: str) -> float:
        return float(
            np.mean([getattr(u, field) for u in demo_utterances() if u.emotion == emotion])
        )

    for loud in ("anger", "happiness"):
        for field in ("pitch", "pitch_range", "words_per_minute", "level"):
            assert mean(loud, field) > mean("neutral", field) > mean("sadness", field)
    assert mean("fear", "pitch") > mean("neutral", "pitch")
    assert mean("fear", "pitch_range") < mean("neutral", "pitch_range")
    assert mean("fear", "words_per_minute") > mean("neutral", "words_per_minute")
    assert mean("fear", "level") < mean("neutral", "level")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"speakers": ["de_m9"]}, "de_m9"),
        ({"speakers": []}, "at least one speaker"),
        ({"sentences": 0}, "1 to 7 sentences"),
        ({"sentences": 8}, "1 to 7 sentences"),
        ({"workers": 0}, "workers=0"),
    ],
)
def test_impossible_wishes_make_nothing(arguments, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        make_demo_speech(tmp_path / "demo", **arguments)
    assert not (tmp_path / "demo").exists()


def test_recordings_are_fit_for_use(spoken):
    files = sorted(spoken.rglob("*.wav"))
    assert [f.relative_to(spoken).as_posix() for f in files] == [
        u.path for u in demo_utterances(PAIR, 2)
    ]
    for file in files:
        info = sf.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
        assert 1.0 < info.duration < 4.0
        waveform = sf.read(file)[0]
        assert np.abs(waveform).max() < 0.96
        assert -45 < 20 * np.log10(np.sqrt(np.mean(waveform**2))) < -12


def test_anger_is_higher_louder_and_shorter_than_sadness(spoken):
    import parselmouth

    def measure(speaker: str, emotion: str) -> tuple[float, float, float]:
        """Mean pitch (Hz), RMS, seconds."""
        rows = []
        for file in sorted(spoken.rglob(f"{speaker}_{emotion}_*.wav")):
            sound = parselmouth.Sound(str(file))
            pitch = sound.to_pitch_ac(pitch_floor=60.0).selected_array["frequency"]
            rows.append((pitch[pitch > 0].mean(), sound.get_rms(), sound.duration))
        return tuple(np.mean(rows, axis=0))

    for speaker in PAIR:
        anger, sadness = measure(speaker, "anger"), measure(speaker, "sadness")
        assert anger[0] > 1.2 * sadness[0]
        assert anger[1] > 1.5 * sadness[1]
        assert anger[2] < 0.95 * sadness[2]


def test_greek_capitals_are_spoken_as_words(tmp_path):
    small, capital = "η σκάλα ακουμπάει στον τοίχο.", "Η σκάλα ακουμπάει στον τοίχο."
    first = next(u for u in demo_utterances() if u.text == capital)
    said = [replace(first, path=f"{n}.wav", text=text) for n, text in enumerate((small, capital))]
    job = {"root": str(tmp_path), "workers": 1, "utterances": [asdict(u) for u in said]}
    voice = [sys.executable, "-m", "datamodules.demo.voice"]
    subprocess.run(voice, cwd=ROOT, input=json.dumps(job), text=True, check=True)
    assert len(contents(tmp_path)) == 2
    assert len(set(contents(tmp_path).values())) == 1


def test_same_bytes_in_another_order_with_more_workers(spoken, tmp_path):
    busy = threading.Thread(target=time.sleep, args=(1,))
    busy.start()  # a caller may have threads
    for speakers in (PAIR[1:], PAIR):
        make_demo_speech(tmp_path, 3, speakers=speakers, sentences=2)
    busy.join()
    assert contents(tmp_path) == contents(spoken)
    assert (tmp_path / MANIFEST).read_bytes() == (spoken / MANIFEST).read_bytes()


def test_complete_folder_is_only_checked(folder, monkeypatch):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)  # not even needed
    before = times(folder)
    assert make_demo_speech(folder, speakers=PAIR, sentences=2) == folder
    assert times(folder) == before


def test_missing_and_stray_files(folder, spoken):
    before = times(folder)
    gone = sorted(before)[0]
    (folder / gone).unlink()
    own = folder / "de/de_m1/mine.wav"
    own.write_bytes(b"a user's own")
    make_demo_speech(folder, speakers=PAIR, sentences=2)
    assert own.read_bytes() == b"a user's own"
    own.unlink()
    assert contents(folder) == contents(spoken)
    after = times(folder)
    assert {path for path in after if after[path] != before[path]} == {gone}


@pytest.mark.parametrize("text", ['{"version": 1}', '{"files": [', "[]", "\udcff"])
def test_other_version_or_no_stamp_is_made_again(text, folder, spoken):
    old = folder / "de/de_m1/de_m1_anger_99.wav"
    old.write_bytes(b"of a plan that is no more")
    own = folder / "de/de_m1/mine_01.wav"
    own.write_bytes(b"a user's own")
    (folder / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    before = times(folder)
    make_demo_speech(folder, speakers=PAIR, sentences=2)
    assert own.read_bytes() == b"a user's own"
    own.unlink()
    assert contents(folder) == contents(spoken)
    assert (folder / MANIFEST).read_bytes() == (spoken / MANIFEST).read_bytes()
    assert all(at != before[path] for path, at in times(folder).items())


def test_folder_with_the_manifest_of_before_is_kept(folder):
    (folder / MANIFEST).write_text('{"what": "demo", "version": 2, "files": {}}')
    before = times(folder)
    make_demo_speech(folder, speakers=PAIR, sentences=2)
    assert times(folder) == before


def test_killed_run_continues(spoken, tmp_path):
    out = tmp_path / "demo"
    run = subprocess.Popen(command(out, "--workers", "1"), cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(times(out)) < 3:
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    time.sleep(0.5)  # the process that speaks ends by itself, nobody listens any more
    half = out / "de/de_m1/.de_m1_anger_01.wav.x7"
    half.write_bytes(b"RIFF")
    os.utime(half, (1, 1))
    kept = times(out)
    assert 3 <= len(kept) < 20
    make_demo_speech(out, 2, speakers=PAIR, sentences=2)
    assert not half.exists()
    assert contents(out) == contents(spoken)
    after = times(out)
    assert {path: after[path] for path in kept} == kept


def test_two_calls_at_once_share_the_work(spoken, tmp_path):
    runs = [
        subprocess.Popen(command(tmp_path), cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert contents(tmp_path) == contents(spoken)


def test_no_room_is_one_sentence(tmp_path):
    limited = ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash", *command(tmp_path / "demo")]
    run = subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 1
    assert re.search(r"^error: .*\.wav: .*can't be written: .*make room", run.stderr, re.MULTILINE)
    assert "Traceback" not in run.stderr
    time.sleep(0.5)
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".wav", ".tmp")]


def test_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/demo.*can't be written"):
        make_demo_speech(tmp_path / "file/demo", speakers=PAIR, sentences=1)


def test_without_the_synthesizer(tmp_path, monkeypatch):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OSError, match="pip install praat-parselmouth"):
        make_demo_speech(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()
