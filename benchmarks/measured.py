"""A command's seconds and memory, and the machine and code that they belong to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from serab.results.versions import versions

ROOT = Path(__file__).parents[1]


def run(command: Sequence[str], log: Path, environment: dict[str, str]) -> dict[str, float]:
    """Run a Python command from the project's folder.

    Args:
        command: arguments of the interpreter.
        log: gets all that it prints.
        environment: all of it.

    Returns:
        wall and CPU seconds of all its processes, and the largest resident size of one, in MB.

    Raises:
        RuntimeError: it failed; the end of its log.
    """
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=file, stderr=file, env=environment, cwd=ROOT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{end}\npython {' '.join(command)}: ended with {process.returncode}")
    return {
        "wall": time.perf_counter() - started,
        "cpu": usage.ru_utime + usage.ru_stime,
        "megabytes": usage.ru_maxrss / 1024,
    }


def describe_machine() -> dict[str, str]:
    """Processor, cores, memory and load, and the versions of code and packages."""
    lines = _lines("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "processor": names[0] if names else "unknown",
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "load before": f"{load} (1, 5, 15 minutes)",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        **versions(),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return []
