"""The whole benchmark, simulated: from the files of nine corpora to UM, stage by stage.

    python benchmarks/whole.py --out FOLDER [--speech FOLDER] [--scale 0.05]
    python benchmarks/whole.py --out FOLDER --tenfold RAV     and ten times one task's utterances
    python benchmarks/whole.py --out FOLDER --plain 40        and the plain way on every 40th

Makes the corpora (20 h, 4 GB; --speech has a folder of recordings for each of some speakers to cut
from, such as LibriSpeech's dev-clean), prepares them, and runs evaluate.py under both protocols for
each system, first from the files and then, in another run directory, from the cache. FOLDER/
whole.json has each stage as soon as it is done, and a second start goes on from there. CPU seconds
are those of all processes; memory is the largest resident size of one process. --scale makes that
share of the utterances, and the corpora are prepared as partial ones.

Plain: every N-th utterance at batch 1 and through resampy, and `GridSearchCV(n_jobs=-1)` over every
eleventh point of the published search of each --plain-tasks (the other way of
benchmarks/evaluate.py, counted eleven times); extraction is then taken times the audio's length.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measured import describe_machine, run
from benchmarks.simulated import make_corpus, make_repeated, read_voices
from datamodules.files import write_whole
from serab.scores import SERAB_TASKS

SYSTEMS = ("audio_ntt_512", "audio_ntt_2048", "opensmile")
REPEATED = "TEN"


class Record:
    """whole.json: what is done already isn't done again."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.stages: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        except ValueError as error:
            raise ValueError(f"{path}: is damaged ({error}); delete it to begin anew.") from error

    def do(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if name not in self.stages:
            load = os.getloadavg()[0]
            self.stages[name] = work() | {"load": max(load, os.getloadavg()[0])}
            write_whole(self.path, json.dumps(self.stages, indent=1) + "\n")
        row = self.stages[name]
        print(
            f"{name:36}{row['wall']:9.1f} s wall {row['cpu']:9.1f} s CPU "
            f"{row.get('megabytes', 0):7.0f} MB   load {row['load']:.1f}",
            flush=True,
        )
        return row


def evaluate(
    system: str,
    tasks: Sequence[str],
    run_dir: Path,
    out: Path,
    environment: dict[str, str],
    from_files: bool = True,
) -> dict[str, Any]:
    """One evaluate.py, with or without what the cache has; its stages, and what it reports."""
    shutil.rmtree(run_dir, ignore_errors=True)  # of one that was stopped
    if from_files:
        shutil.rmtree(out / "cache", ignore_errors=True)
    extractor = ["extractor=opensmile"]
    if system != "opensmile":
        extractor = ["extractor=random", f"extractor.encoder={system}", "extractor.device=cpu"]
    stages = out / f"{run_dir.name}.json"
    total = run(
        ["benchmarks/stages.py", str(stages), *extractor, f"tasks=[{','.join(tasks)}]",
         "protocol=published,strict", f"run_dir={run_dir}"],
        out / f"{run_dir.name}.log", environment,
    )  # fmt: skip
    summary = json.loads((run_dir / "summary.json").read_text())["protocols"]
    means = {name: entry["UM"] or entry["present"]["UM"] for name, entry in sorted(summary.items())}
    return total | {"stages": json.loads(stages.read_text()), "UM": means}


def plain_extraction(encoder: str, share: int, environment: dict[str, str]) -> dict[str, float]:
    """Every `share`-th utterance of each corpus, batch 1 and resampy; counted `share` times."""
    os.environ |= environment
    from dataclasses import replace

    import numpy as np

    from benchmarks.extraction import plain
    from serab.extractors.encoder import RandomExtractor
    from serab.index import load_index, prepared

    extractor, wall, cpu, audio, part = RandomExtractor(encoder, device="cpu"), 0.0, 0.0, 0.0, 0.0
    for code in prepared():
        index = load_index(code)
        few = replace(index, utterances=index.utterances[::share])
        plain(extractor, replace(few, utterances=few.utterances[:2]), np.arange(2))  # warm-up
        started, used = time.perf_counter(), time.process_time()
        plain(extractor, few, np.arange(0, len(few.utterances), 2))  # about the training part
        times = sum(u.seconds for u in index.utterances) / sum(u.seconds for u in few.utterances)
        wall += times * (time.perf_counter() - started)
        cpu += times * (time.process_time() - used)
        audio += sum(u.seconds for u in index.utterances)
        part += sum(u.seconds for u in few.utterances)
    return {"wall": wall, "cpu": cpu, "audio": audio, "measured_audio": part}


def plain_search(system: str, task: str, out: Path, environment: dict[str, str]) -> dict[str, Any]:
    """GridSearchCV on the published split, every eleventh point, beside ours in the same run."""
    log = out / f"plain-{system}-{task}.log"
    total = run(
        ["benchmarks/evaluate.py", "--embeddings", system, "--task", task,
         "--grid-share", "11", "--rounds", "1"],
        log, environment,
    )  # fmt: skip
    rows = [line.split() for line in log.read_text().splitlines() if line.startswith("all ")]
    ways = {words[1]: words for words in rows}
    return total | {
        way: {"wall": float(words[2]), "cpu": float(words[5])} for way, words in ways.items()
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--speech", type=Path, help="default: made voices")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS))
    parser.add_argument("--tasks", nargs="+", choices=SERAB_TASKS, default=list(SERAB_TASKS))
    parser.add_argument("--tenfold", choices=SERAB_TASKS)
    parser.add_argument("--plain", type=int, metavar="N")
    parser.add_argument("--plain-tasks", nargs="*", default=["EMB", "RAV"])
    options = parser.parse_args(argv)
    out: Path = options.out.resolve()
    (out / "runs").mkdir(parents=True, exist_ok=True)
    record = Record(out / "whole.json")
    environment = os.environ | {"SERAB_DATA": str(out / "data"), "SERAB_CACHE": str(out / "cache")}
    partial = ["--allow-partial"] if options.scale < 1 else []
    made = {"scale": options.scale, "speech": options.speech and str(options.speech.resolve())}
    if record.stages.setdefault("made with", made) != made:
        raise ValueError(
            f"{record.path}: was begun with {record.stages['made with']}, now it is {made}; choose "
            "another --out."
        )
    record.stages.setdefault("machine", describe_machine())

    def make(code: str, times: int) -> dict[str, Any]:
        voices = read_voices(options.speech)
        started, before = time.perf_counter(), _cpu_of_all()
        if times == 1:
            make_corpus(code, out / "sources" / code, voices, options.scale)
        else:
            make_repeated(code, times, out / "sources" / REPEATED, voices, options.scale)
        return {"wall": time.perf_counter() - started, "cpu": _cpu_of_all() - before}

    for code in options.tasks:
        record.do(f"make {code}", lambda code=code: make(code, 1))
    for code in options.tasks:
        source = ["-m", "serab.prepare", code, "--source", str(out / "sources" / code), *partial]
        log = out / f"prepare-{code}.log"
        record.do(f"prepare {code}", lambda s=source, log=log: run(s, log, environment))
    for system in options.systems:
        for way in ("files", "cache"):
            run_dir = out / "runs" / f"{system}-{way}"
            record.do(
                f"evaluate {system} from {way}",
                lambda s=system, r=run_dir, f=way == "files": evaluate(
                    s, options.tasks, r, out, environment, f
                ),
            )
    if options.tenfold:
        code, system = options.tenfold, options.systems[0]
        record.do(f"make {code} ten times", lambda: make(code, 10))
        table = str(out / "sources" / REPEATED / "table.csv")
        source = ["-m", "serab.prepare", REPEATED, "--source", table]
        record.do(
            f"prepare {code} ten times", lambda: run(source, out / "prepare-TEN.log", environment)
        )
        for task, words in ((code, "as it is"), (REPEATED, "ten times")):
            run_dir = out / "runs" / f"{system}-{task}"
            record.do(
                f"evaluate {code} {words}",
                lambda t=task, r=run_dir: evaluate(system, [t], r, out, environment),
            )
    if options.plain:
        encoder = next(s for s in options.systems if s != "opensmile")
        record.do(
            f"plain extraction {encoder}",
            lambda: plain_extraction(encoder, options.plain, environment),
        )
        for task in options.plain_tasks:
            record.do(
                f"plain search {encoder} {task}",
                lambda t=task: plain_search(encoder, t, out, environment),
            )
    write_whole(out / "whole.md", table_of(record.stages))
    print(out / "whole.md")


def _cpu_of_all() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def table_of(stages: dict[str, Any]) -> str:
    """What was measured, a row a stage, and the stages within an evaluation below it."""
    lines = ["| stage | wall s | CPU s | MB |", "|---|---|---|---|"]
    for name, row in stages.items():
        if "wall" not in row:
            continue
        means = ", ".join(f"UM {100 * um:.1f} {rules}" for rules, um in row.get("UM", {}).items())
        lines.append(_line(f"{name}{f' ({means})' if means else ''}", row))
        parts: dict[str, dict[str, float]] = {}
        for named, part in row.get("stages", {}).items():  # TASK STAGE
            total = parts.setdefault(named.partition(" ")[2], dict.fromkeys(part, 0.0))
            for key, value in part.items():
                total[key] = max(total[key], value) if key == "megabytes" else total[key] + value
        lines += [_line(f"– {stage}", part) for stage, part in parts.items()]
    return "\n".join(lines) + "\n"


def _line(name: str, row: dict[str, float]) -> str:
    wall = f"{row['wall']:.1f}" if row["wall"] else ""
    megabytes = f"{row['megabytes']:.0f}" if row.get("megabytes") else ""
    return f"| {name} | {wall} | {row['cpu']:.1f} | {megabytes} |"


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, ValueError, OSError) as error:
        sys.exit(f"error: {error}")
