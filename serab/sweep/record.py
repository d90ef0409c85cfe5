"""The record of a sweep: what was asked for, which jobs there are, and its table at the end."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from datamodules.files import write_whole
from serab.installed import as_started
from serab.results.checksums import read_record, write_checked
from serab.sweep.jobs import JOB, Job, Status, read_job
from serab.sweep.table import Row, table, to_csv

SWEEP, TABLE = "sweep.json", "sweep.csv"

_begun: list[Path] = []
"""Sweeps that this process started."""


def begin(
    sweep_dir: Path,
    overrides: Sequence[str],
    jobs: Sequence[Sequence[str]],
    command: Sequence[str],
    searches: bool,
) -> None:
    """Start a sweep, or go on with the one that is there.

    Args:
        sweep_dir: of the sweep.
        overrides: what it goes over, as the command line has it.
        jobs: the overrides of each job, by number; none where a sampler chooses them later.
        command: the whole command line.
        searches: whether a sampler chooses the jobs, so that they aren't the same again.

    Raises:
        ValueError: the directory holds another sweep.
    """
    record = _read(sweep_dir)
    if record is not None and not read_jobs(sweep_dir):
        record = None  # a mistyped sweep that never began
    if record is not None and record.get("asked") != list(overrides):
        raise ValueError(
            f"run_dir={sweep_dir}: holds the sweep {' '.join(record['asked'])}; go on with that "
            "one or choose another run_dir."
        )
    if record is not None and searches:
        raise ValueError(
            f"run_dir={sweep_dir}: holds a search, whose sampler chooses other jobs now; choose "
            "another run_dir, the study goes on there by its hydra.sweeper.storage and study_name."
        )
    content = {"asked": list(overrides), "command": list(command), "jobs": list(jobs)}
    write_checked(sweep_dir / SWEEP, json.dumps(content, indent=2) + "\n")
    _begun.append(sweep_dir)


@dataclass(frozen=True)
class _Sweep:
    """What `begin` keeps; `jobs` has none where a sampler chooses, and older records lack it."""

    asked: list[str]
    command: list[str]
    jobs: list[list[str]] = field(default_factory=list, metadata={"optional": True})


def _read(sweep_dir: Path) -> dict[str, Any] | None:
    record = read_record(sweep_dir / SWEEP, _Sweep, "choose another run_dir")
    return None if record is None else asdict(record)


def with_table(main: Callable[[], Any]) -> None:
    """Run a script's main; where it was a sweep, end with its table, whatever happened.

    The process ends with status 1 where a job failed, 130 after Ctrl-C.
    """
    interrupted = False
    try:
        main()
    except KeyboardInterrupt:  # without a traceback
        interrupted = True
        if not _begun:  # of a sweep the table says it
            print("\nstopped by Ctrl-C", file=sys.stderr)
    finally:
        sweeps, _begun[:] = list(_begun), []  # those of this script alone
        # a mistyped sweep has said so, and has no table
        failed = [finish(sweep) if read_jobs(sweep) else _report_no_jobs(sweep) for sweep in sweeps]
    if interrupted:
        sys.exit(128 + signal.SIGINT)
    if any(failed):
        sys.exit(1)


def finish(sweep_dir: Path) -> int:
    """Print and write a sweep's table, and merge its evaluations; how many jobs aren't finished.

    Raises:
        ValueError: no sweep, or a damaged record.
    """
    rows = read_rows(sweep_dir)
    if not rows:
        return _report_no_jobs(sweep_dir)
    shown, console = table(rows), Console()
    if not console.is_terminal:  # a file has room
        wide = console.options.update(max_width=500)
        console.width = max(console.width, console.measure(shown, options=wide).maximum)
    console.print(shown)
    print(f"table       {write_whole(sweep_dir / TABLE, to_csv(rows))}")
    try:
        from serab.results.merge import merge_sweep  # scikit-learn is seconds to import

        for run_dir in merge_sweep(sweep_dir):
            print(f"merged      {run_dir}")
    except (ValueError, OSError) as error:  # the table stands
        print(f"error: {error}", file=sys.stderr)
        return 1
    unfinished = [row for row in rows if row.status != Status.FINISHED]
    if unfinished:
        print(
            f"error: {len(unfinished)} of {len(rows)} jobs aren't finished; "
            f"{_resume_command(sweep_dir)}",
            file=sys.stderr,
        )
    return len(unfinished)


def _report_no_jobs(sweep_dir: Path) -> int:
    print(f"error: {sweep_dir}: no job of this sweep has started", file=sys.stderr)
    return 1


def read_rows(sweep_dir: Path) -> list[Row]:
    """All jobs of a sweep, in order, those that never began included.

    Raises:
        ValueError: not a sweep's directory, or a damaged record.
    """
    jobs = read_jobs(sweep_dir)
    begun = [Row(job.number, job.overrides, job_dir, job) for job_dir, job in jobs.items()]
    record = _read(sweep_dir)
    assert record is not None  # `read_jobs` found it
    numbers = {row.number for row in begun}
    planned = [Row(number, overrides) for number, overrides in enumerate(record["jobs"])]
    rows = begun + [row for row in planned if row.number not in numbers]
    return sorted(rows, key=lambda row: row.number)


def read_jobs(sweep_dir: Path) -> dict[Path, Job]:
    """All jobs of a sweep that have started, by directory, in order.

    Raises:
        ValueError: not a sweep's directory, or a damaged record.
    """
    if not (sweep_dir / SWEEP).exists():
        raise ValueError(f"{sweep_dir}: no {SWEEP} in it; give the directory of a sweep.")
    folders = [path.parent for path in sweep_dir.glob(f"*/{JOB}")]
    found = {folder: job for folder in folders if (job := read_job(folder)) is not None}
    return dict(sorted(found.items(), key=lambda item: item[1].number))


def _resume_command(sweep_dir: Path) -> str:
    """How to go on with what isn't finished."""
    record = _read(sweep_dir)
    assert record is not None  # `read_jobs` found it
    script, *arguments = record["command"]
    words = [text for text in arguments if not text.startswith(("run_dir=", "resume="))]
    more = ["resume=auto"] if Path(script).name.startswith("train") else []
    words = ["python", script, *words, f"run_dir={sweep_dir}", *more]
    return as_started(f"start them again with: {shlex.join(words)}")
