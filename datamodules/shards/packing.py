"""Packing recordings into shards: on all cores, in any order, and again from where a kill came."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from datamodules.audio import AudioError, read_audio, resample
from datamodules.files import whole_file, write_whole
from datamodules.manifest.recordings import Manifest, Recording
from datamodules.shards.layout import (
    INDEX,
    MANIFEST,
    RECORDINGS,
    SAMPLE,
    VERSION,
    About,
    Shard,
    ShardError,
    Shards,
    digest_of,
    open_shards,
)
from datamodules.typed_json import Count, parse, sealed

SHARD_SECONDS = 16_000.0
"""About half a gigabyte at 16 kHz; AudioSet's speech is some 600 such shards."""

SPARE = 64 * 2**20
"""Bytes left on the disk for the index and for others."""


@dataclass(frozen=True)
class Packed:
    """What a shard's json says: `key` names its sources, `samples` are of each usable recording."""

    key: str
    sha256: str
    samples: tuple[Count, ...]
    unusable: dict[str, str]


def pack(
    manifest: Manifest,
    out: str | Path,
    sample_rate: int = 16_000,
    jobs: int = -1,
    shard_seconds: float = SHARD_SECONDS,
) -> Shards:
    """Decode every recording once, to int16 mono at `sample_rate`.

    Shards that an earlier call finished are kept; the result is the same to the byte however
    often it was stopped and with however many jobs.

    Args:
        manifest: the recordings.
        out: folder of the shards.
        sample_rate: Hz.
        jobs: processes; -1 takes all processors.
        shard_seconds: of audio in a shard, at least.

    Raises:
        ShardError: `out` has shards of other recordings, or none could be packed.
        OSError: too little room, before anything is written; or a disk that fills up half-way.
    """
    out = Path(out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
    plan = list(_plan(manifest.recordings, shard_seconds))
    names = [f"shard-{number:05d}.i16" for number in range(len(plan))]
    keys = [_key(manifest.root, part, sample_rate) for part in plan]
    done = [finished(out / name, key) for name, key in zip(names, keys, strict=True)]
    _check_strangers(out, names)
    left = [i for i, packed in enumerate(done) if packed is None]
    _check_room(out, [r for i in left for r in plan[i]], sample_rate)
    (out / MANIFEST).unlink(missing_ok=True)  # not finished until it is there again

    work = (
        delayed(_pack_shard)(i, manifest.root, plan[i], out / names[i], keys[i], sample_rate)
        for i in left
    )
    hours = sum(r.seconds for part in plan for r in part) / 3600
    with tqdm(total=round(hours, 2), desc="packing", unit="h", disable=None) as progress:
        progress.update(round(hours - sum(r.seconds for i in left for r in plan[i]) / 3600, 2))
        for i, packed in Parallel(jobs, return_as="generator_unordered")(work):
            done[i] = packed
            progress.update(round(sum(r.seconds for r in plan[i]) / 3600, 2))
    whole = [packed for packed in done if packed is not None]
    return _finish(manifest, out, plan, names, whole, sample_rate)


def _plan(recordings: Sequence[Recording], shard_seconds: float) -> Iterator[list[Recording]]:
    part, seconds = [], 0.0
    for recording in recordings:
        part.append(recording)
        seconds += recording.seconds
        if seconds >= shard_seconds:
            yield part
            part, seconds = [], 0.0
    if part:
        yield part


def _key(root: Path, part: Sequence[Recording], sample_rate: int) -> str:
    """Names what a shard is made from: paths, lengths, sizes and times of change."""
    digest = hashlib.sha256(f"{VERSION} {sample_rate}\n".encode())
    for recording in part:
        stat = (root / recording.path).stat()
        row = (*asdict(recording).values(), stat.st_size, stat.st_mtime_ns)
        digest.update("\t".join(map(str, row)).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def finished(path: Path, key: str) -> Packed | None:
    """The shard at `path`, if it is whole and made from what `key` names; None if it isn't there.

    Raises:
        ShardError: it was made from something else.
    """
    try:
        about = path.with_suffix(".json")
        packed = parse(about.read_bytes(), Packed, str(about), "pack again")
    except (OSError, ValueError):
        return None
    if packed.key != key:
        raise ShardError(
            f"{path}: packed from other recordings (or they changed since); choose another --out, "
            "or remove it to pack anew."
        )
    whole = path.is_file() and path.stat().st_size == sum(packed.samples) * SAMPLE.itemsize
    return packed if whole else None


def _check_strangers(out: Path, names: Sequence[str]) -> None:
    strangers = sorted({p.name for p in out.glob("shard-*.i16")} - set(names))
    if strangers:
        raise ShardError(
            f"{out / strangers[0]}: belongs to another packing ({len(strangers)} such shards); "
            "choose another --out or remove them."
        )


def _check_room(out: Path, recordings: Sequence[Recording], sample_rate: int) -> None:
    needed = sum(round(r.seconds * sample_rate) + 1 for r in recordings) * SAMPLE.itemsize + SPARE
    free = shutil.disk_usage(out).free
    if recordings and needed > free:
        raise OSError(
            f"--out {out}: {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free; make "
            "room or choose another disk."
        )


def _pack_shard(
    number: int, root: Path, part: Sequence[Recording], path: Path, key: str, sample_rate: int
) -> tuple[int, Packed]:
    """Write one shard and what is in it; the json comes last and makes it count."""
    samples, unusable, digest = [], {}, hashlib.sha256()
    with whole_file(path) as file:
        for recording in part:
            try:
                content = _decode(root / recording.path, sample_rate)
            except AudioError as error:
                unusable[recording.path] = str(error)
                continue
            file.write(content)
            digest.update(content)
            samples.append(len(content) // SAMPLE.itemsize)
    packed = Packed(key, digest.hexdigest(), tuple(samples), unusable)
    write_whole(
        path.with_suffix(".json"), json.dumps(sealed({"version": VERSION, **asdict(packed)}))
    )
    return number, packed


def _decode(path: Path, sample_rate: int) -> bytes:
    waveform, rate = read_audio(path)
    waveform = resample(waveform, rate, sample_rate)
    if not len(waveform):
        raise AudioError(f"{path}: shorter than one sample at {sample_rate} Hz; remove it.")
    return np.clip(np.rint(waveform * 32768), -32768, 32767).astype(SAMPLE).tobytes()


def _finish(
    manifest: Manifest,
    out: Path,
    plan: Sequence[Sequence[Recording]],
    names: Sequence[str],
    done: Sequence[Packed],
    sample_rate: int,
) -> Shards:
    rows, table = [], io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("path", "shard", "start", "samples"))
    unusable = manifest.unusable | manifest.passed_over
    for number, (part, packed) in enumerate(zip(plan, done, strict=True)):
        unusable |= packed.unusable
        start = 0
        usable = [r.path for r in part if r.path not in packed.unusable]
        for path, samples in zip(usable, packed.samples, strict=True):
            rows.append((number, start, samples))
            writer.writerow((path, *rows[-1]))
            start += samples
    listed = io.StringIO()
    csv.writer(listed, lineterminator="\n").writerows([("path", "reason"), *unusable.items()])
    write_whole(out / "unusable.csv", listed.getvalue())
    if not rows:
        raise ShardError(f"{out}: no recording could be packed; unusable.csv there says why.")
    shards = tuple(
        Shard(name, sum(packed.samples), packed.sha256)
        for name, packed in zip(names, done, strict=True)
    )
    index = np.array(rows, np.int64)
    buffer = io.BytesIO()
    np.save(buffer, index)
    write_whole(out / INDEX, buffer.getvalue())
    write_whole(out / RECORDINGS, table.getvalue())
    digest = digest_of(shards, index)
    about = About(VERSION, sample_rate, len(rows), len(unusable), digest, shards)
    write_whole(out / MANIFEST, json.dumps(sealed(asdict(about)), indent=1))
    return open_shards(out)
