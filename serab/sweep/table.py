"""A sweep's table, for the screen and as CSV: what differs between the jobs, and how they ended."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from rich import box
from rich.table import Table

from serab.escaping import in_csv, on_screen
from serab.sweep.jobs import Job, Status

NOT_STARTED = "not started"
DASH = "–"

SEED = re.compile(r"(.*[._])?seed")
"""Keys that only draw anew: jobs that differ in nothing else are averaged."""
NO_SHARE = re.compile(r"(.*[_/])?(loss|valence|arousal)")
"""Metrics that aren't a share, and so aren't shown in percent."""


@dataclass(frozen=True)
class Row:
    """A job of a sweep; one that never began has no directory and no record."""

    number: int
    overrides: Sequence[str]
    job_dir: Path | None = None
    job: Job | None = None

    @property
    def status(self) -> str:
        return NOT_STARTED if self.job is None else self.job.status

    @property
    def metrics(self) -> dict[str, float]:
        return {} if self.job is None else self.job.metrics

    @property
    def seconds(self) -> float | None:
        return None if self.job is None else self.job.seconds

    @property
    def error(self) -> str:
        return (self.job and self.job.error) or ""

    @property
    def finished(self) -> bool:
        return self.status == Status.FINISHED

    @property
    def values(self) -> dict[str, str]:
        """What it overrides, by key."""
        pairs = (text.partition("=") for text in self.overrides)
        return {key.lstrip("+"): value for key, _, value in pairs}


def columns(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """The keys that the jobs override, and the names of their metrics, the optimised one first."""
    keys = [key for row in rows for key in row.values]
    names = [row.job.optimized for row in rows if row.job and row.job.optimized in row.metrics]
    names += [name for row in rows for name in row.metrics]
    return list(dict.fromkeys(keys)), list(dict.fromkeys(names))


def to_csv(rows: Sequence[Row]) -> str:
    """A row a job: number, overrides, status, metrics, seconds, run directory, error.

    Shares are fractions, as in all files.
    """
    keys, names = columns(rows)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    header = ["job", *keys, "status", *names, "seconds", "run_dir", "error"]
    writer.writerow([in_csv(name) for name in header])
    for row in rows:
        cells = [row.number, *(row.values.get(key, "") for key in keys), row.status]
        cells += [row.metrics.get(name, "") for name in names]
        job_dir = "" if row.job_dir is None else str(row.job_dir)
        writer.writerow([in_csv(cell) for cell in (*cells, row.seconds, job_dir, row.error)])
    return file.getvalue()


def table(rows: Sequence[Row]) -> Table:
    """For the screen: shares in percent, no key that all jobs share, means over seeds last."""
    keys, names = columns(rows)
    shared = [key for key in keys if len(rows) > 1 and len({r.values.get(key) for r in rows}) == 1]
    failed = any(row.error for row in rows)
    screen = Table(box=box.SIMPLE_HEAD)
    screen.add_column("job", justify="right")
    for key in keys:
        if key not in shared:
            screen.add_column(key, overflow="fold")
    screen.add_column("status")
    for name in (*map(_title, names), "s"):
        screen.add_column(name, justify="right")
    if failed:
        screen.add_column("error", overflow="fold", min_width=30)
    for row in rows:
        seconds = "" if row.seconds is None else f"{row.seconds:.0f}"
        metrics = (_number(name, row.metrics.get(name)) for name in names)
        differs = (row.values.get(key, "") for key in keys if key not in shared)
        errors = [row.error] if failed else []
        cells = (str(row.number), *differs, row.status, *metrics, seconds, *errors)
        screen.add_row(*map(on_screen, cells))  # [EMB] is no markup
    screen.add_section()
    for group in over_seeds(rows):
        seeds = f"{len(group)} seeds"
        differs = (
            seeds if SEED.fullmatch(key) else group[0].values.get(key, "")
            for key in keys
            if key not in shared
        )
        spreads = (_spread(name, [row.metrics.get(name) for row in group]) for name in names)
        cells = ("", *differs, "mean ± deviation", *spreads, "", *([""] * failed))
        screen.add_row(*map(on_screen, cells), style="bold")
    return screen


def over_seeds(rows: Sequence[Row]) -> list[list[Row]]:
    """The finished jobs that differ in their seeds alone, where there are several."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        if row.finished and any(map(SEED.fullmatch, row.values)):
            rest = {key: value for key, value in row.values.items() if not SEED.fullmatch(key)}
            groups.setdefault(tuple(sorted(rest.items())), []).append(row)
    return [group for group in groups.values() if len(group) > 1]


def _title(metric: str) -> str:
    return metric if NO_SHARE.fullmatch(metric) else f"{metric} %"


def _number(metric: str, value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:.4g}" if NO_SHARE.fullmatch(metric) else f"{100 * value:.1f}"


def _spread(metric: str, values: Sequence[float | None]) -> str:
    """Mean and standard deviation (of the sample) of those that have the metric."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return DASH
    return f"{_number(metric, mean(known))} ± {_number(metric, stdev(known))}"
