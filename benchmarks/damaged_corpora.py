"""Damage archives, indexes and custom tables many times: each must be refused in one sentence.

    python benchmarks/damaged_corpora.py [--tries 300] [--seed 0]

Counted are `clean` (ValueError or OSError), `unchanged` (read, and equal), `silent` (read, and
different) and `unhandled` (any other error); the last must be 0. A zip without a checksum for a
name, a tar and a table of somebody's can be damaged silently; our own index must not be.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import tarfile
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf

from serab.index import load_index
from serab.prepare.archives import unpack
from serab.prepare.corpus import prepare
from serab.prepare.labels import read_custom

VALUES = (None, "word", -1, 0, 1e9, 1.5, float("nan"), [], {}, True)


def damage(content: bytes, random_state: random.Random) -> bytes:
    """Flipped bytes, a cut, an insertion, a deletion, or a block of zeros."""
    kind = random_state.choice(("flip", "flips", "cut", "insert", "delete", "zero"))
    data = bytearray(content)
    at = random_state.randrange(len(data))
    if kind in ("flip", "flips"):
        for _ in range(1 if kind == "flip" else 16):
            data[random_state.randrange(len(data))] ^= 1 << random_state.randrange(8)
    elif kind == "cut":
        del data[at:]
    elif kind == "insert":
        data[at:at] = random_state.randbytes(random_state.randrange(1, 64))
    elif kind == "delete":
        del data[at : at + random_state.randrange(1, 64)]
    else:
        data[at : at + 32] = bytes(len(data[at : at + 32]))
    return bytes(data)


def change_field(content: bytes, random_state: random.Random) -> bytes:
    """One field of a JSON object replaced by a value of another kind, or gone."""
    fields = json.loads(content)
    key = random_state.choice(sorted(fields))
    choice = random_state.randrange(len(VALUES) + 1)
    if choice == len(VALUES):
        del fields[key]
    else:
        fields[key] = VALUES[choice]
    return json.dumps(fields).encode()


def _try(
    path: Path, damaged: bytes, read: Callable[[], object], expected: object, counts: Counter[str]
) -> None:
    path.write_bytes(damaged)
    try:
        found = read()
    except (ValueError, OSError):
        counts["clean"] += 1
    except Exception:
        counts["unhandled"] += 1
        traceback.print_exc()
    else:
        counts["unchanged" if found == expected else "silent"] += 1


def _unpacked(archive: Path, target: Path) -> dict[str, bytes]:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    unpack(archive, target, lambda name: True)
    return {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}


def main() -> None:
    """Print the counts for each kind of file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        _run(Path(name), options.tries, random.Random(options.seed))


def _run(folder: Path, tries: int, random_state: random.Random) -> None:
    noise = np.random.default_rng(0)
    rows = ["path,speaker,emotion"]
    for number in range(6):
        sf.write(folder / f"{number}.wav", noise.uniform(-0.5, 0.5, 800), 16_000)
        rows.append(f"{number}.wav,s{number % 3},{'joy' if number % 2 else 'anger'}")
    table = folder / "mine.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    prepare("CUSTOM", [table], folder / "data")
    archives = {"zip": folder / "a.zip", "tar.gz": folder / "a.tar.gz", "tar": folder / "a.tar"}
    with zipfile.ZipFile(archives["zip"], "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(6):
            file.write(folder / f"{number}.wav", f"wav/{number}.wav")
    for kind, mode in (("tar.gz", "w:gz"), ("tar", "w")):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as file:  # type: ignore[call-overload]
            for number in range(6):
                file.add(folder / f"{number}.wav", f"wav/{number}.wav")
        archives[kind].write_bytes(stream.getvalue())
    index = folder / "data/CUSTOM"
    cases: list[tuple[str, Path, Callable[[bytes, random.Random], bytes], Callable[[], object]]] = [
        (kind, path, damage, lambda path=path: _unpacked(path, folder / "out"))  # type: ignore[misc]
        for kind, path in archives.items()
    ]
    for kind, path, change in (
        ("index.csv", index / "index.csv", damage),
        ("index.json", index / "index.json", damage),
        ("index.json, fields", index / "index.json", change_field),
    ):
        cases.append((kind, path, change, lambda: load_index("CUSTOM", folder / "data")))
    cases.append(("custom table", table, damage, lambda: read_custom(table)))
    for kind, path, change, read in cases:
        whole, expected = path.read_bytes(), read()
        counts: Counter[str] = Counter()
        for _ in range(tries):
            _try(path, change(whole, random_state), read, expected, counts)
        path.write_bytes(whole)
        figures = ", ".join(f"{counts[k]} {k}" for k in ("clean", "unchanged", "silent"))
        print(f"{kind:20} {figures}, {counts['unhandled']} unhandled")


if __name__ == "__main__":
    main()
