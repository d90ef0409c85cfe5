"""Result files, caches and shards, damaged in every way: what is refused, and what is believed.

    python benchmarks/damaged_results.py [--rounds 3] [--kind results.jsonl] [--show]

Bytes are flipped, cut off, put in, taken out, zeroed and doubled; each field of JSON becomes null,
a word, -1, 0, 1e9, 1.5, NaN, infinity, [], {}, true, gone, a `_target_`, HTML in turn. The seed is
fixed. A reading ends clean (ValueError or OSError in one printable line, or a cache that computes
again), unchanged (what was written), silent (something else) or unhandled (anything else, more
than 6 GB, more than 25 s). It ends with 1 where one is unhandled, or silent in spite of a
checksum.
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import soundfile

from datamodules.manifest.recordings import scan_folder
from datamodules.shards.layout import ShardError, open_shards, verify
from datamodules.shards.packing import Packed, finished, pack
from datamodules.typed_json import parse
from serab.embed.cache import Cache
from serab.embed.store import EmbeddingStore
from serab.embed.waveforms import cached_waveform
from serab.extractors.template import TemplateExtractor
from serab.results.projection import load_projection
from serab.results.run_files import RunFiles
from serab.results.summary import read_summary
from serab.results.verify import verify_run
from serab.sweep.jobs import Job, Status, read_job
from serab.sweep.record import begin, read_rows
from tests.support.small_run import make_run

MEMORY, SECONDS = 6 * 2**30, 25
VALUES = (
    *(None, "word", -1, 0, 1e9, 1.5, float("nan"), float("inf"), [], {}, True),
    *({"_target_": "os.system", "command": "id"}, "/etc/passwd", "<script>alert(1)</script>"),
)
GONE = object()


@dataclass(frozen=True)
class Kind:
    """A file, and what reads it; `read` returns something that can be compared.

    Without a checksum (`checked`), what no other number determines is believed.
    """

    name: str
    path: Path
    read: Callable[[], Any]
    json: bool = True
    checked: bool = True


class Refused(ValueError):
    """What a command would print as its error."""


def kinds(folder: Path) -> list[Kind]:
    run = make_run(folder / "run")
    earlier = make_run(folder / "earlier")  # of before there were checksums
    (earlier / "checksums.json").unlink()

    def verified(run_dir: Path) -> Any:
        found = verify_run(run_dir)
        if found.wrong:
            raise Refused(found.wrong[0])
        return found, read_summary(run_dir)

    files = ("results.jsonl", "predictions.jsonl", "summary.json", "checksums.json")
    listed = [Kind(name, run / name, lambda: verified(run)) for name in files]
    listed += [
        Kind(f"{name} (reading)", run / name, lambda: _rows(run)) for name in (files[0], files[1])
    ]
    listed += [
        Kind(f"{name} (no checksum)", earlier / name, lambda: verified(earlier), checked=False)
        for name in files[:3]
    ]
    return [*listed, *_of_sweeps(folder), *_of_caches(folder), *_of_shards(folder)]


def _rows(run: Path) -> list:
    files = RunFiles(run)
    return [*files.results, *files.predictions]


def _of_sweeps(folder: Path) -> list[Kind]:
    sweep = folder / "sweep"
    begin(sweep, ["a=1,2"], [["a=1"], ["a=2"]], ["train.py", "-m", "a=1,2"], searches=False)
    Job(0, ["a=1"], Status.FINISHED, {"loss": 1.25}, 3.0).write(sweep / "0")
    return [
        Kind("job.json", sweep / "0/job.json", lambda: read_job(sweep / "0")),
        Kind("sweep.json", sweep / "sweep.json", lambda: read_rows(sweep)),
    ]


def _of_caches(folder: Path) -> list[Kind]:
    cache, recording = Cache(folder / "cache"), folder / "recording.wav"
    soundfile.write(recording, np.random.default_rng(0).uniform(-1, 1, 9_600), 48_000)
    cached_waveform(recording, "ab12", 16_000, cache)
    (waveform,) = (folder / "cache").rglob("*.npy")

    def stored() -> list | None:
        store = EmbeddingStore(cache, TemplateExtractor(), ["ab12"])
        return store["ab12"].tolist() if "ab12" in store else None

    store = EmbeddingStore(cache, TemplateExtractor(), ["ab12"])
    store.add("ab12", np.arange(8, dtype=np.float32))
    store.flush()
    (chunk,) = (folder / "cache").glob("*/*.npz")

    def again(found: Any) -> Any:  # None is computed again
        if found is None:
            raise Refused("not in the cache")
        return found

    cache.write(json.dumps({"mean": -7.5, "std": 4.25}), "fitted", "state.json")
    projection = folder / "run/projections/EMB.published.npz"
    projection.parent.mkdir()
    np.savez_compressed(
        projection,
        components=np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32),
        emotions=np.array(["anger"] * 60),
        speakers=np.array(["03"] * 60),
    )

    def drawn() -> list:
        found = load_projection(folder / "run", "EMB", "published")
        assert found is not None
        return [found.components.tolist(), found.emotions.tolist(), found.speakers.tolist()]

    return [
        Kind("cached waveform", waveform, lambda: _waveform(recording, cache), json=False),
        Kind("cached embeddings", chunk, lambda: again(stored()), json=False),
        Kind(
            "cached fitted state",
            folder / "cache/fitted/state.json",
            lambda: again(cache.read("fitted", "state.json")),
            json=False,
        ),
        Kind("projection", projection, drawn, json=False),
    ]


def _waveform(recording: Path, cache: Cache) -> list:
    return cached_waveform(recording, "ab12", 16_000, cache).tolist()


def _of_shards(folder: Path) -> list[Kind]:
    source, out = folder / "speech", folder / "shards"
    source.mkdir()
    for number in range(4):
        noise = np.random.default_rng(number).uniform(-0.5, 0.5, 3_000 + 100 * number)
        soundfile.write(source / f"{number}.wav", noise, 16_000)
    pack(scan_folder(source), out, jobs=1, shard_seconds=0.3)

    def verified() -> Any:
        if damaged := verify(out):
            raise ShardError(damaged[0])
        shards = open_shards(out)
        return [shards.sample_rate, shards.shards, shards.index.tolist(), shards.unusable]

    (about, *_) = sorted(out.glob("shard-*.json"))
    key = parse(about.read_bytes(), Packed, "", "").key

    def resumed() -> Any:
        found = finished(about.with_suffix(".i16"), key)
        if found is None:
            raise Refused("packed again")
        return found

    return [
        Kind("shards.json", out / "shards.json", verified),
        Kind("index.npy", out / "index.npy", verified, json=False),
        Kind("shard of samples", about.with_suffix(".i16"), verified, json=False),
        Kind("shard's json", about, resumed),
    ]


def of_bytes(whole: bytes, random: np.random.Generator, rounds: int) -> Iterator[bytes]:
    """Damaged copies."""
    size = len(whole)
    for _ in range(rounds):
        for count in (1, 8, max(1, size // 50)):
            yield _flipped(whole, random.integers(size, size=count), random)
        yield _flipped(whole, random.integers(min(size, 128), size=3), random)
        for share in (0.1, 0.5, 0.9, 0.99):
            yield whole[: int(share * size)]
        start, length = int(random.integers(size)), int(random.integers(1, 65))
        yield whole[:start] + random.bytes(length) + whole[start:]
        yield whole[:start] + whole[start + length :]
        yield whole[:start] + bytes(len(whole[start : start + length])) + whole[start + length :]
        yield whole[: start + length] + whole[start:]
    yield b""
    yield whole + whole


def _flipped(whole: bytes, positions: np.ndarray, random: np.random.Generator) -> bytes:
    damaged = bytearray(whole)
    for position in positions:
        damaged[position] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def of_json(whole: bytes) -> Iterator[bytes]:
    """Copies in which one field is something else, in objects and lists of any depth."""
    lines = whole.decode().splitlines() if whole.count(b"\n{") else [whole.decode()]
    content = json.loads(lines[0])
    for *parents, last in list(_places(content)):
        for value in (*VALUES, GONE):
            changed = copy.deepcopy(content)
            holder = changed
            for key in parents:
                holder = holder[key]
            if value is GONE:
                del holder[last]
            else:
                holder[last] = value
            yield "\n".join([json.dumps(changed), *lines[1:], ""]).encode()


def _places(content: Any) -> Iterator[tuple]:
    """Keys to every field; of a list only its first element."""
    if isinstance(content, dict):
        items = list(content.items())
    else:
        items = list(enumerate(content))[:1] if isinstance(content, list) else []
    for key, value in items:
        yield (key,)
        yield from ((key, *below) for below in _places(value))


def outcome(kind: Kind, content: bytes, right: Any) -> tuple[str, str]:
    """How the reading of a damaged file ends, and what it says."""
    kind.path.write_bytes(content)
    signal.alarm(SECONDS)
    try:
        found = kind.read()
        return ("unchanged" if found == right else "silent"), repr(found)[:200]
    except (ValueError, OSError) as error:
        return ("clean" if str(error).isprintable() else "unhandled"), str(error)
    except BaseException as error:
        return "unhandled", f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)


def late(*_: Any) -> None:
    raise KeyboardInterrupt("too slow")  # which no reader takes for its own error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each damage to bytes")
    parser.add_argument("--kind", help="this one only")
    parser.add_argument("--show", action="store_true", help="what is silent or unhandled")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, late)
    random, total = np.random.default_rng(0), Counter[str]()
    failed, header = False, ("clean", "unchanged", "silent", "unhandled")
    print(f"{'':32}" + "".join(f"{name:>11}" for name in header))
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds(Path(folder)):
            if options.kind not in (None, kind.name):
                continue
            whole, right = kind.path.read_bytes(), kind.read()
            counts = Counter[str]()
            damaged = [*of_bytes(whole, random, options.rounds)]
            for content in [*damaged, *(of_json(whole) if kind.json else ())]:
                ending, words = outcome(kind, content, right)
                counts[ending] += 1
                if options.show and ending in ("silent", "unhandled"):
                    print(f"  {ending}: {words}")
            kind.path.write_bytes(whole)
            print(f"{kind.name:32}" + "".join(f"{counts[name]:11}" for name in header))
            total += counts
            failed |= bool(counts["unhandled"] or (counts["silent"] and kind.checked))
    print(f"{f'all {total.total()}':32}" + "".join(f"{total[name]:11}" for name in header))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
