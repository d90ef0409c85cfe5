"""The benchmarks that need no data, briefly, as a table of this commit on this machine.

    python -m benchmarks [--out runs/bench] [--only start search]
    python -m benchmarks --compare BEFORE/bench.json AFTER/bench.json

Writes bench.json and bench.md (machine, versions, commit, and for each benchmark wall and CPU
seconds, peak memory and its own figures), and each benchmark's log. Two tables of one machine can
be compared, by CPU seconds where it was busy. `make bench` runs all, about five minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measured import describe_machine, run
from datamodules.files import write_whole

NUMBER = r"[\d.]+"
COST = rf"(?P<wall>{NUMBER}) s wall +(?P<cpu>{NUMBER}) s CPU +(?P<megabytes>{NUMBER}) MB"


@dataclass(frozen=True)
class Benchmark:
    """A command, `{scratch}` for a folder of all, and the figures in what it prints.

    A pattern's group `what` names a line's figures, its other groups are figures.
    """

    name: str
    command: str
    pattern: str = ""


BENCHMARKS = (
    Benchmark("start", "evaluate.py --help"),
    Benchmark(
        "whole",
        "benchmarks/whole.py --out {scratch}/whole --scale 0.3 --tasks EMB --systems audio_ntt_512",
        rf"^(?P<what>\S.*?) {{2,}}{COST}",
    ),
    Benchmark(
        "extraction",
        "benchmarks/extraction.py --task EMB --rounds 1",
        rf"^(?P<what>plain|ours) +(?P<seconds>{NUMBER}) s +(?P<audio_a_second>{NUMBER}) s of",
    ),
    Benchmark(
        "search",
        "benchmarks/evaluate.py --size emodb --dimensions 512 --grid-share 11 --rounds 1",
        rf"^all (?P<what>\w+) +{COST}",
    ),
    Benchmark(
        "onnx",
        "benchmarks/onnx_speed.py --brief",
        rf"^(?P<what>\w+ +{NUMBER}) +(?P<torch_ms>{NUMBER}) +{NUMBER} +(?P<onnx_ms>{NUMBER}) ",
    ),
    Benchmark(
        "crops",
        "benchmarks/crops.py --recordings 300 --rounds 1 --seconds 0.3",
        rf"^(?P<what>\S.*?) {{2,}}(?P<crops_a_second>{NUMBER}) +{NUMBER} x",
    ),
    Benchmark(
        "step",
        "benchmarks/step.py --root {scratch}/whole/sources/EMB --encoders audio_ntt_512 "
        "--batch 16 --batches 2",
        rf"^(?P<what>audio_ntt_512) +(?P<plain>{NUMBER}) +(?P<ours>{NUMBER})",
    ),
)
"""In this order: "whole" leaves a small corpus for "extraction" and "step"."""


def figures(pattern: str, printed: str) -> dict[str, float]:
    """The figures that a benchmark printed, by name."""
    found = {}
    for match in re.finditer(pattern, printed, re.MULTILINE) if pattern else ():
        values = match.groupdict()
        what = " ".join(values.pop("what").split())
        found |= {f"{what}: {name.replace('_', ' ')}": float(v) for name, v in values.items()}
    return found


def measure(names: Sequence[str], out: Path) -> dict[str, Any]:
    """Run benchmarks; one that fails is said so, and the others go on."""
    table: dict[str, Any] = {"machine": describe_machine(), "benchmarks": {}}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        corpora = {"SERAB_DATA": f"{scratch}/whole/data", "SERAB_CACHE": f"{scratch}/cache"}
        for benchmark in BENCHMARKS:
            if benchmark.name not in names:
                continue
            command = benchmark.command.format(scratch=scratch)
            log = out / f"{benchmark.name}.log"
            try:
                row: dict[str, Any] = dict(run(command.split(), log, os.environ | corpora))
                row["figures"] = figures(benchmark.pattern, log.read_text(encoding="utf-8"))
                print(f"{benchmark.name:12}{row['wall']:8.1f} s wall {row['cpu']:8.1f} s CPU",
                      flush=True)  # fmt: skip
            except RuntimeError as error:
                row = {"failed": str(error)}
                print(f"{benchmark.name:12}failed: {error}", file=sys.stderr, flush=True)
            table["benchmarks"][benchmark.name] = {"command": benchmark.command} | row
    return table


def rows(table: dict[str, Any]) -> dict[str, float]:
    """Every number of a table, by name."""
    found = {}
    for name, row in table["benchmarks"].items():
        kept = {key: row[key] for key in ("wall", "cpu", "megabytes") if key in row}
        found |= {f"{name}: {key}": value for key, value in (kept | row.get("figures", {})).items()}
    return found


def markdown(tables: Sequence[dict[str, Any]]) -> str:
    """One table, or two side by side with the ratio of the second to the first."""
    head = ["", *("before", "after", "after/before")] if tables[1:] else ["", "figure"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in dict.fromkeys(key for table in tables for key in table["machine"]):
        values = [table["machine"].get(name, "–") for table in tables]
        lines.append(f"| {' | '.join([name, *values, *[''] * (len(tables) - 1)])} |")
    numbers = [rows(table) for table in tables]
    for name in dict.fromkeys(key for found in numbers for key in found):
        cells = [f"{found[name]:.4g}" if name in found else "–" for found in numbers]
        if tables[1:]:
            both = all(found.get(name) for found in numbers)
            cells.append(f"{numbers[1][name] / numbers[0][name]:.2f}" if both else "–")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for table in tables:
        failed = [name for name, row in table["benchmarks"].items() if "failed" in row]
        lines += [f"\nFailed: {', '.join(failed)}."] if failed else []
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("BEFORE", "AFTER"))
    options = parser.parse_args(arguments)
    if options.compare:
        try:
            print(markdown([json.loads(path.read_text()) for path in options.compare]), end="")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            both = " and ".join(map(str, options.compare))
            print(f"error: {both}: expected two bench.json of this command ({error}).",
                  file=sys.stderr)  # fmt: skip
            return 1
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    table = measure(options.only, options.out.resolve())
    write_whole(options.out / "bench.json", json.dumps(table, indent=1) + "\n")
    print(write_whole(options.out / "bench.md", markdown([table])))
    return int(any("failed" in row for row in table["benchmarks"].values()))


if __name__ == "__main__":
    sys.exit(main())
