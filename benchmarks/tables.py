"""`serab.embed` on many short files: peak memory, rate, and what two kills cost.

    python benchmarks/tables.py [--files 100000] [--kills 2] [--folder FOLDER]

The files are a second of noise each (32 kB), the extractor is the template, whose transform takes
about half a millisecond: what is measured is decoding, order, parts and the table. The process is
killed (SIGKILL) at equal shares of the files and started again; resident memory is that of Linux'
VmHWM. The table is compared, byte by byte, with that of an undisturbed run where --check is given.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import soundfile as sf
from pyarrow import parquet

RATE = 16_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument(
        "--folder", type=Path, help="for files and table; by default a temporary one"
    )
    parser.add_argument("--check", action="store_true", help="embed once more, undisturbed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        recordings, out = Path(folder, "recordings"), Path(folder, "table.parquet")
        write_recordings(recordings, options.files)
        for kill in range(options.kills + 1):
            share = None if kill == options.kills else (kill + 1) / (options.kills + 1)
            embed_until(recordings, out, None if share is None else int(share * options.files))
        table = parquet.ParquetFile(out)
        print(f"{table.metadata.num_rows} rows, {out.stat().st_size / 1e6:.0f} MB")
        names = table.read(columns=["file"]).column("file").to_pylist()
        assert names == sorted(names)
        assert len(set(names)) == options.files
        if options.check:
            whole = out.with_name("whole.parquet")
            embed_until(recordings, whole, None)
            assert whole.read_bytes() == out.read_bytes()
            print("the undisturbed table is the same, byte by byte")


def write_recordings(folder: Path, files: int) -> None:
    random = np.random.default_rng(0)
    noise = random.uniform(-0.3, 0.3, 10 * RATE)
    for number in range(files):
        path = folder / f"{number // 1000:03}" / f"{number:06}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        start = int(random.integers(0, 9 * RATE))
        sf.write(path, noise[start : start + RATE], RATE, "PCM_16")


def embed_until(recordings: Path, out: Path, killed_at: int | None) -> None:
    """Run the command, kill it once so many files are in parts, and print what it took."""
    command = [sys.executable, "-m", "serab.embed", str(recordings)]
    command += ["--extractor", "template", "--out", str(out)]
    before, began, peak = files_in_parts(out), time.perf_counter(), 0
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL)
    marks: dict[int, int] = {}
    while process.poll() is None:
        peak, resident = max(peak, memory(process.pid, "VmHWM")), memory(process.pid, "VmRSS")
        done = files_in_parts(out)
        marks.setdefault(done // 10_000 * 10_000, resident)
        if killed_at is not None and done >= killed_at:
            process.kill()
        time.sleep(0.2)
    if killed_at is None and process.returncode:
        sys.exit(f"ended with {process.returncode}")
    seconds = time.perf_counter() - began
    after = (
        files_in_parts(out) if killed_at is not None else sum(1 for _ in recordings.rglob("*.wav"))
    )
    print(
        f"files {before} to {after} in {seconds:.0f} s, {(after - before) / seconds:.0f} a second, "
        f"peak {peak} MB; resident after files: "
        + ", ".join(f"{count}: {size} MB" for count, size in marks.items())
    )


def files_in_parts(out: Path) -> int:
    names = [name for name in listed(Path(f"{out}.parts")) if name.endswith(".npz")]
    return sum(int(name[10:19]) - int(name[:9]) for name in names if name[0].isdigit())


def listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def memory(process: int, field: str) -> int:
    """MB; 0 where the process has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(field)), 0)


if __name__ == "__main__":
    main()
