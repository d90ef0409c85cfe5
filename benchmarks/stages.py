"""A real evaluate.py whose stages are measured from within: seconds, CPU seconds, peak memory.

    python benchmarks/stages.py OUT.json [arguments of evaluate.py]

Stages are timed where the run calls them; memory is the largest resident size while one ran, which
the kernel counts (Linux) and which holds what was there before. Decoding runs in threads beside the
encoder: its CPU seconds are those of its threads, and taken off those of embedding.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from datamodules.files import write_whole

Stage = dict[str, float]


def cpu_seconds() -> float:
    """Of this process and those that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Meter:
    """Sums by task and stage, which don't overlap but for what threads do beside them.

    `out` is written after each, so a run that is stopped has told what it did.
    """

    def __init__(self, out: Path) -> None:
        self.stages: dict[str, Stage] = {}
        self.task = ""
        self._out, self._lock, self._started = out, threading.Lock(), time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        reset_peak()
        wall, cpu = time.perf_counter(), cpu_seconds()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - wall, cpu_seconds() - cpu, peak_megabytes())
            self.write()

    @contextmanager
    def thread(self, name: str) -> Iterator[None]:
        """Of a thread beside a stage."""
        cpu = time.thread_time()
        try:
            yield
        finally:
            self.add(name, 0.0, time.thread_time() - cpu, 0.0)

    def add(self, name: str, wall: float, cpu: float, megabytes: float) -> None:
        with self._lock:
            none = {"wall": 0.0, "cpu": 0.0, "megabytes": 0.0}
            total = self.stages.setdefault(f"{self.task} {name}", none)
            total["wall"] += wall
            total["cpu"] += cpu
            total["megabytes"] = max(total["megabytes"], megabytes)

    def write(self) -> None:
        """All stages, and what was beside them."""
        with self._lock:
            stages = {name: dict(stage) for name, stage in self.stages.items()}
        for name in stages:
            task, _, stage = name.rpartition(" ")
            if stage == "embed" and f"{task} decode" in stages:
                stages[name]["cpu"] -= stages[f"{task} decode"]["cpu"]
        rest = {
            "wall": time.perf_counter() - self._started - _sum(stages, "wall"),
            "cpu": cpu_seconds() - _sum(stages, "cpu"),
            "megabytes": 0.0,
        }
        write_whole(self._out, json.dumps(stages | {"all rest": rest}, indent=1) + "\n")


def _sum(stages: dict[str, Stage], key: str) -> float:
    return sum(stage[key] for stage in stages.values())


def reset_peak() -> None:
    """Let the kernel count the largest resident size anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes() -> float:
    """The largest resident size since `reset_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(meter: Meter) -> None:
    """Put the meter around what an evaluation calls."""
    import serab.classification
    import serab.embed.reader
    import serab.runner
    from serab.runner import TaskRunner
    from serab.search import PreparedTask

    def around(place: Any, name: str, stage: Callable[..., str], kind: str = "stage") -> None:
        function = getattr(place, name)

        def measured(*arguments: Any, **keywords: Any) -> Any:
            with getattr(meter, kind)(stage(*arguments)):
                return function(*arguments, **keywords)

        setattr(place, name, measured)

    around(serab.embed.reader, "cached_waveform", lambda *_: "decode", "thread")
    around(serab.runner, "embed_corpus", lambda *_: "embed")
    around(serab.classification, "save_projection", lambda *_: "projection")
    around(serab.classification.ClassificationRunner, "keep", lambda *_: "keep")
    for method in ("search", "predict_test"):
        around(PreparedTask, method, lambda _, candidate, *__: candidate.name)
    run = TaskRunner.run

    def run_named(self: TaskRunner, index: Any, draw: Any = 0) -> Any:
        meter.task = index.code
        return run(self, index, draw)

    TaskRunner.run = run_named  # type: ignore[method-assign]


def main() -> None:
    out, *arguments = sys.argv[1:]
    meter = Meter(Path(out))
    measure(meter)
    sys.argv = [str(ROOT / "evaluate.py"), *arguments]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        meter.write()


if __name__ == "__main__":
    main()
