"""`python -m serab.sweep SWEEP_DIR`: one table and its CSV over all jobs of a sweep, killed or not.

`python train.py -m ...` and `python evaluate.py -m ...` end with it by themselves.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from serab.jobs import JOB, Job, Status, own, read_job
from serab.writing import write_whole

SWEEP, TABLE = "sweep.json", "sweep.csv"

_begun: list[Path] = []
"""Sweeps that this process started."""


class SweepRecord:
    """Hydra's callback at a sweep's start: what it is goes into sweep.json, one sweep a directory.

    It ends the process with a sentence where the directory holds another sweep.
    """

    def on_multirun_start(self, config: Any, **_: Any) -> None:
        sweep_dir = Path(config.hydra.sweep.dir)
        asked = own(config.hydra.overrides.task)
        try:
            begin(sweep_dir, asked, sys.argv, "Optuna" in config.hydra.sweeper._target_)
        except (ValueError, OSError) as error:
            sys.exit(f"error: {error}")

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):  # Hydra's other moments
            return lambda *_, **__: None
        raise AttributeError(name)


def begin(sweep_dir: Path, asked: Sequence[str], command: Sequence[str], searches: bool) -> None:
    """Start a sweep, or go on with the one that is there.

    Args:
        sweep_dir: of the sweep.
        asked: what it goes over, as the command line has it.
        command: the whole command line.
        searches: whether a sampler chooses the jobs, so that they aren't the same again.

    Raises:
        ValueError: the directory holds another sweep.
    """
    before = _read(sweep_dir)
    if before is not None and not read_jobs(sweep_dir):
        before = None  # a mistyped one that never began
    if before is not None and before.get("asked") != list(asked):
        raise ValueError(
            f"run_dir={sweep_dir}: holds the sweep {' '.join(before['asked'])}; go on with that "
            "one or choose another run_dir."
        )
    if before is not None and searches:
        raise ValueError(
            f"run_dir={sweep_dir}: holds a search, whose sampler chooses other jobs now; choose "
            "another run_dir, the study goes on there by its hydra.sweeper.storage and study_name."
        )
    content = {"asked": list(asked), "command": list(command)}
    write_whole(sweep_dir / SWEEP, json.dumps(content, indent=2) + "\n")
    _begun.append(sweep_dir)


def _read(sweep_dir: Path) -> dict[str, Any] | None:
    path = sweep_dir / SWEEP
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {"asked": list(content["asked"]), "command": list(content["command"])}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: isn't the record of a sweep ({error}); choose another run_dir."
        ) from error


def with_table(main: Callable[[], Any]) -> None:
    """Run a script's main; where it was a sweep, end with its table, whatever happened.

    The process ends with status 1 where a job failed, 130 after Ctrl-C.
    """
    status = 1
    try:
        main()
    except KeyboardInterrupt:
        if not _begun:
            raise
        status = 128 + signal.SIGINT  # the table says what was stopped, and no traceback
    finally:
        failed = [finish(sweep_dir) for sweep_dir in _begun]
    if any(failed):
        sys.exit(status)


def finish(sweep_dir: Path) -> int:
    """Print and write a sweep's table, and merge its evaluations; how many jobs aren't finished.

    Raises:
        ValueError: no sweep, or a damaged record.
    """
    jobs = read_jobs(sweep_dir)
    if not jobs:
        print(f"error: {sweep_dir}: no job of this sweep has started", file=sys.stderr)
        return 1
    shown, console = table(jobs), Console()
    if not console.is_terminal:  # a file has room
        wide = console.options.update(max_width=500)
        console.width = max(console.width, console.measure(shown, options=wide).maximum)
    console.print(shown)
    print(f"table       {write_whole(sweep_dir / TABLE, to_csv(jobs))}")
    try:
        from serab.merge import merge_sweep  # scikit-learn is seconds to import

        for run_dir in merge_sweep(sweep_dir):
            print(f"merged      {run_dir}")
    except (ValueError, OSError) as error:  # the table stands
        print(f"error: {error}", file=sys.stderr)
        return 1
    left = [job for job in jobs.values() if job.status is not Status.FINISHED]
    if left:
        print(
            f"error: {len(left)} of {len(jobs)} jobs aren't finished; {_again(sweep_dir)}",
            file=sys.stderr,
        )
    return len(left)


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


def _again(sweep_dir: Path) -> str:
    """How to go on with what isn't finished."""
    asked = _read(sweep_dir)
    assert asked is not None  # `read_jobs` found it
    script, *arguments = asked["command"]
    kept = [text for text in arguments if not text.startswith(("run_dir=", "resume="))]
    more = ["resume=auto"] if Path(script).name.startswith("train") else []
    words = ["python", script, *kept, f"run_dir={sweep_dir}", *more]
    return f"start them again with: {shlex.join(words)}"


def columns(jobs: Sequence[Job]) -> tuple[list[str], list[str]]:
    """The keys that the jobs override, and the names of their metrics, in order."""
    keys = [_split(text)[0] for job in jobs for text in job.overrides]
    names = [name for job in jobs for name in job.metrics]
    return list(dict.fromkeys(keys)), list(dict.fromkeys(names))


def to_csv(jobs: Mapping[Path, Job]) -> str:
    """A row a job: number, overrides, status, metrics, seconds, run directory, error."""
    keys, names = columns(list(jobs.values()))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["job", *keys, "status", *names, "seconds", "run_dir", "error"])
    for job_dir, job in jobs.items():
        values = dict(_split(text) for text in job.overrides)
        writer.writerow(
            [job.number, *(values.get(key, "") for key in keys), job.status]
            + [job.metrics.get(name, "") for name in names]
            + [job.seconds, job_dir, job.error]
        )
    return file.getvalue()


def table(jobs: Mapping[Path, Job]) -> Table:
    """For the screen: what differs between the jobs, and how they ended."""
    keys, names = columns(list(jobs.values()))
    values = [dict(_split(text) for text in job.overrides) for job in jobs.values()]
    same = [key for key in keys if len(jobs) > 1 and len({of.get(key) for of in values}) == 1]
    shown = Table(box=box.SIMPLE_HEAD)
    shown.add_column("job", justify="right")
    for key in keys:
        if key not in same:
            shown.add_column(key, overflow="fold")
    shown.add_column("status")
    for name in (*names, "s"):
        shown.add_column(name, justify="right")
    if any(job.error for job in jobs.values()):
        shown.add_column("error", overflow="fold", min_width=30)
    for job, of in zip(jobs.values(), values, strict=True):
        errors = [job.error or ""] if any(job.error for job in jobs.values()) else []
        seconds = "" if job.seconds is None else f"{job.seconds:.0f}"
        metrics = (f"{job.metrics[name]:.4g}" if name in job.metrics else "–" for name in names)
        differs = (of.get(key, "") for key in keys if key not in same)
        cells = (str(job.number), *differs, job.status, *metrics, seconds, *errors)
        shown.add_row(*map(Text, cells))  # [EMB] is no markup
    return shown


def _split(override: str) -> tuple[str, str]:
    key, _, value = override.partition("=")
    return key.lstrip("+"), value


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m serab.sweep", description=__doc__)
    parser.add_argument("sweep_dirs", nargs="+", type=Path, metavar="SWEEP_DIR")
    options = parser.parse_args(arguments)
    try:
        return 1 if any([finish(sweep_dir) for sweep_dir in options.sweep_dirs]) else 0
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
