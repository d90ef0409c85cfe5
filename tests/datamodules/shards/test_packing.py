"""Shards: packed once and whole, refused where anything disagrees."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.manifest.recordings import read_manifest, scan_folder
from datamodules.shards import packing
from datamodules.shards.__main__ import main
from datamodules.shards.layout import ShardError, open_shards, verify
from datamodules.shards.packing import pack
from tests.support.speech import voiced


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_everything_is_there(source: Path, packed: Path):
    shards = open_shards(packed)
    assert len(shards.recordings) == 20
    assert len(shards.shards) > 2
    assert shards.seconds == pytest.approx(4 * (0.3 + 1.0 + 1.7 + 2.4 + 3.1), abs=0.01)
    assert verify(packed) == []
    assert "broken.wav" in (packed / "unusable.csv").read_text()
    assert "1 were unusable" in shards.summary(0.95)


def test_16_bit_audio_at_the_rate_is_kept_to_the_bit(source: Path, packed: Path):
    rows = [line.split(",") for line in (packed / "recordings.csv").read_text().splitlines()[1:]]
    checked = 0
    for path, shard, start, samples in rows:
        waveform, rate = sf.read(source / path, dtype="int16")
        if rate == 16_000:
            audio = np.fromfile(packed / f"shard-{int(shard):05d}.i16", "<i2")
            assert np.array_equal(audio[int(start) : int(start) + int(samples)], waveform)
            checked += 1
    assert checked == 7


def test_the_same_bytes_with_any_jobs(source: Path, packed: Path, tmp_path: Path):
    pack(scan_folder(source), tmp_path, jobs=2, shard_seconds=8)
    assert content(tmp_path) == content(packed)


def test_killed_and_run_again(source: Path, packed: Path, tmp_path: Path):
    """SIGKILL in the middle; the same command keeps what is finished; the bytes are the same."""
    program = f"""
import sys, time
from datamodules.shards import packing
from datamodules.manifest import scan_folder
decode = packing._decode
def slowly(*a):
    time.sleep(0.15)
    return decode(*a)
packing._decode = slowly
packing.pack(scan_folder({str(source)!r}), {str(tmp_path)!r}, jobs=1, shard_seconds=8)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "shard-00001.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(ShardError, match=r"no shards\.json, so no \(finished\) shards"):
        open_shards(tmp_path)
    before = (tmp_path / "shard-00000.i16").stat().st_mtime_ns
    assert (
        main(["pack", "--source", str(source), "--out", str(tmp_path), "--shard-seconds", "8"]) == 0
    )
    assert (tmp_path / "shard-00000.i16").stat().st_mtime_ns == before
    found = {n: c for n, c in content(tmp_path).items() if not n.startswith(".")}
    assert found == content(packed)


def test_a_finished_packing_is_left_alone(source: Path, shards: Path):
    before = {p.name: p.stat().st_mtime_ns for p in shards.glob("shard-*")}
    pack(scan_folder(source), shards, jobs=1, shard_seconds=8)
    assert {p.name: p.stat().st_mtime_ns for p in shards.glob("shard-*")} == before


def test_other_recordings_are_not_mixed_in(source: Path, shards: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(source, other)
    sf.write(other / "speaker0" / "00.wav", voiced(0.3, 16_000, 99), 16_000, "PCM_16")
    with pytest.raises(ShardError, match="packed from other recordings"):
        pack(scan_folder(other), shards, jobs=1, shard_seconds=8)
    (shards / "shard-00077.i16").touch()
    with pytest.raises(ShardError, match=r"shard-00077\.i16: belongs to another packing"):
        pack(scan_folder(source), shards, jobs=1, shard_seconds=8)


def test_a_full_disk(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Refused before it starts; or half-way, where a limit on file sizes refuses as a disk does."""
    usage = shutil.disk_usage(tmp_path)._replace(free=packing.SPARE + 1000)
    with monkeypatch.context() as patched:
        patched.setattr(packing.shutil, "disk_usage", lambda _: usage)
        with pytest.raises(OSError, match=r"GB are needed and 0\.07 GB are free"):
            pack(scan_folder(source), tmp_path / "small", jobs=1)
    assert list((tmp_path / "small").iterdir()) == []
    program = f"""
import resource, signal, sys
from datamodules.shards.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))
sys.exit(main(["pack", "--source", {str(source)!r}, "--out", {str(tmp_path / "full")!r},
               "--shard-seconds", "3", "--jobs", "1"]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    (sentence,) = [x for x in done.stderr.splitlines() if x.startswith("error: ")]
    assert "can't be written (File too large); make room" in sentence
    left = [p.name for p in (tmp_path / "full").iterdir()]
    assert sorted(left) == ["shard-00000.i16", "shard-00000.json"]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda s: (s / "shard-00001.i16").unlink(), r"shard-00001\.i16: missing"),
        (lambda s: os.truncate(s / "shard-00000.i16", 1000), r"shard-00000\.i16: 1000 bytes; exp"),
        (lambda s: (s / "shards.json").unlink(), r"no shards\.json"),
        (lambda s: (s / "shards.json").write_text("{"), r"shards\.json: isn't JSON"),
        (lambda s: version(s, 7), "shards of version 7; expected 1"),
        (lambda s: (s / "index.npy").write_bytes(b"x"), r"index\.npy: can't be read"),
        (lambda s: shift_index(s), r"index\.npy: disagrees with the shards"),
        (lambda s: np.savez((s / "index.npy").open("wb"), 0), r"index\.npy: can't be read"),
        (lambda s: swap_lengths(s), r"index\.npy: it or the list of shards in shards.json was"),
        (lambda s: about(s, sample_rate=8_000), r"shards\.json: was changed since"),
        (lambda s: about(s, sample_rate="8"), r"shards\.json: was changed since"),
        (lambda s: about(s, checksum=None, unusable=1), r"shards\.json: was changed since"),
        (lambda s: (s / "shards.json").write_bytes(b"\xff"), r"shards\.json: isn't UTF-8 text"),
        (lambda s: (s / "shards.json").write_text("[" * 100_000), r"shards\.json: isn't JSON"),
    ],
    ids=[
        *("missing", "cut", "unfinished", "damaged", "version", "index", "disagrees", "zip"),
        *("lengths", "rate", "type", "seal", "encoding", "nested"),
    ],
)
def test_refused(shards: Path, damage, complaint: str, capsys: pytest.CaptureFixture):
    damage(shards)
    with pytest.raises(ShardError, match=complaint):
        open_shards(shards)
    assert main(["verify", str(shards)]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def version(shards: Path, number: int) -> None:
    about(shards, version=number)


def about(shards: Path, **changes) -> None:
    content = json.loads((shards / "shards.json").read_text())
    (shards / "shards.json").write_text(json.dumps({**content, **changes}))


def swap_lengths(shards: Path) -> None:
    """A boundary between two recordings is moved: shards and index still agree."""
    index = np.load(shards / "index.npy")
    assert index[0, 0] == index[1, 0]
    index[0, 2] += 1
    index[1, 1:] += (1, -1)
    np.save(shards / "index.npy", index)


@pytest.mark.parametrize("key", ["version", "sample_rate", "recordings", "digest", "shards"])
def test_each_field_has_its_type(shards: Path, key: str):
    content = json.loads((shards / "shards.json").read_text())
    del content["checksum"]  # as shards.json of before
    for value in (None, "word", -1, 0, 1e9, 1.5, float("nan"), [], {}, True, {"_target_": "x"}):
        (shards / "shards.json").write_text(json.dumps(content | {key: value}))
        with pytest.raises(ShardError):
            open_shards(shards)
    del content[key]
    (shards / "shards.json").write_text(json.dumps(content))
    with pytest.raises(ShardError, match=f"lacks {key}"):
        open_shards(shards)


def test_files_that_people_had(shards: Path, shared: Path, capsys: pytest.CaptureFixture):
    """A header of index.npy at which numpy's parser raised a tokenizer's error; no sample_rate."""
    (case,) = (shared / "cases").glob("09-json-types/shards.json*")
    whole = (shards / "shards.json").read_bytes()
    (shards / "shards.json").write_bytes(case.read_bytes())
    assert main(["verify", str(shards)]) == 1
    assert "shards.json: lacks sample_rate" in capsys.readouterr().err
    (shards / "shards.json").write_bytes(whole)
    content = (shared / "cases/05-npy-token-error/index.npy").read_bytes()
    (shards / "index.npy").write_bytes(content)
    assert main(["verify", str(shards)]) == 1
    assert "index.npy: can't be read (" in capsys.readouterr().err


def shift_index(shards: Path) -> None:
    index = np.load(shards / "index.npy")
    index[3, 1] += 1
    np.save(shards / "index.npy", index)


def test_verify_finds_a_flipped_bit(shards: Path, capsys: pytest.CaptureFixture):
    path = shards / "shard-00001.i16"
    audio = bytearray(path.read_bytes())
    audio[5000] ^= 1
    path.write_bytes(audio)
    open_shards(shards)  # the size is right
    assert main(["verify", str(shards)]) == 1
    printed = capsys.readouterr()
    assert f"{path}: its content changed" in printed.err
    assert "1 shards are damaged" in printed.out


def test_manifest_with_missing_files(source: Path, tmp_path: Path):
    names = ["speaker0/00.wav", "speaker1/01.flac", "speaker9/gone.wav"]
    listed = tmp_path / "list.csv"
    listed.write_text("path\n" + "".join(f"{source / name}\n" for name in names))
    manifest = read_manifest(listed)
    assert len(manifest.recordings) == 2
    assert "no such file" in manifest.unusable[str(source / names[2])]
    assert len(pack(manifest, tmp_path / "out", jobs=1).recordings) == 2
    assert "gone.wav" in (tmp_path / "out" / "unusable.csv").read_text()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("file\na.wav\n", "lacks the column\(s\) path"),
        ("path\n", "lists no recording"),
        ("path\na.wav\na.wav\n", r"lists a\.wav twice"),
        ("path\na.wav\n", "none of 1 recordings can be used"),
    ],
)
def test_bad_manifests(tmp_path: Path, text: str, complaint: str):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_manifest(tmp_path / "list.csv")
