"""The jobs of a sweep as files: what each is, how it ended; none takes the others with it."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from datamodules.typed_json import Count
from serab.results.checksums import read_record, write_checked
from serab.run_dir import RunInUse, hold

log = logging.getLogger("sweep")

JOB = "job.json"
PLACES = ("run_dir", "resume", "sweep")
"""Overrides that say where and how a job runs, not what it is."""


class Status(StrEnum):
    """How far a job is; "started" is one that still runs, or was killed."""

    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Outcome:
    """What a run found, and the name of the metric that a search is to optimise."""

    metrics: dict[str, float]
    optimized: str | None = None

    @property
    def value(self) -> float | None:
        """The metric to optimise; None where the run hasn't got it."""
        value = None if self.optimized is None else self.metrics.get(self.optimized)
        return None if value is None or math.isnan(value) else value


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    `metrics` are what it found, `optimized` the name of the one to optimise, `error` the sentence
    that it failed with.
    """

    # a diverged loss is a metric, and read as it was written
    __pydantic_config__: ClassVar = {"strict": True, "allow_inf_nan": True}

    number: Count
    overrides: list[str]
    status: Status
    metrics: dict[str, float] = field(default_factory=dict)
    optimized: str | None = None
    seconds: float | None = None
    error: str | None = None

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.metrics, self.optimized)

    def write(self, job_dir: Path) -> None:
        write_checked(job_dir / JOB, json.dumps(asdict(self), indent=2) + "\n")


def read_job(job_dir: Path) -> Job | None:
    """The job of a directory, or None where there is none yet.

    Raises:
        ValueError: a file that isn't a job's.
    """
    return read_record(job_dir / JOB, Job, "delete it to run the job again")


def identifying(overrides: Sequence[str]) -> list[str]:
    """The overrides that say what a job is."""
    return [text for text in overrides if text.lstrip("+~").split("=")[0] not in PLACES]


def run_job(
    job_dir: Path,
    number: int,
    overrides: Sequence[str],
    work: Callable[[], Outcome],
    explain: Callable[[Exception], str | None],
) -> Job:
    """Do one job of a sweep and keep how it ended; what is finished isn't done again.

    Args:
        job_dir: of this job.
        number: in the sweep.
        overrides: as the command line has them.
        work: does it and returns what it found.
        explain: the sentence of an expected error; None for others, whose traceback is logged.

    Returns:
        its record: finished or failed.

    Raises:
        ValueError: the directory holds another job.
    """
    recorded = read_job(job_dir)
    job = Job(number, identifying(overrides), Status.STARTED)
    if recorded is not None and recorded.overrides != job.overrides:
        raise ValueError(
            f"{job_dir}: holds the job {' '.join(recorded.overrides) or '(no overrides)'}, not "
            f"{' '.join(job.overrides)}; choose another run_dir for this sweep."
        )
    if recorded is not None and recorded.status is Status.FINISHED:
        log.info("job %d is finished and kept: %s", number, " ".join(job.overrides))
        return recorded
    started = time.monotonic()

    def ended(status: Status, outcome: Outcome | None = None, error: str | None = None) -> Job:
        seconds = round(time.monotonic() - started, 1)
        done = replace(job, status=status, seconds=seconds, error=error)
        if outcome is not None:
            done = replace(done, metrics=outcome.metrics, optimized=outcome.optimized)
        done.write(job_dir)
        return done

    try:
        with hold(job_dir, "job"):
            job.write(job_dir)
            try:
                return ended(Status.FINISHED, work())
            except Exception as error:
                sentence = explain(error)
                if sentence is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
                    log.exception("job %d failed", number)
                sentence = sentence or f"{type(error).__name__}: {error}".strip()
                log.error("error: job %d: %s", number, sentence)
                return ended(Status.FAILED, error=sentence)
            except BaseException:  # a signal ends the sweep
                ended(Status.STOPPED, error="stopped by a signal")
                raise
    except RunInUse as error:  # by a sweep that still runs: its record stays as it is
        log.error("error: job %d: %s", number, error)
        return replace(job, status=Status.FAILED, error=str(error))
