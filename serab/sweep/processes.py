"""Jobs of a sweep in a process each, some at once: one that is killed takes no other with it."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path
from typing import Any, NoReturn

from serab.sweep.jobs import Job, Status, read_job

log = logging.getLogger("sweep")

PATIENCE = 60.0
"""Seconds that a stopped job has to save what it needs to go on."""


@dataclass
class _Running:
    """A call's process; `received` is its result, once that is here."""

    call: int
    process: BaseProcess
    channel: Connection
    received: tuple[Any, ...] = ()

    def receive(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            if self.channel.poll():
                self.received = (self.channel.recv(),)

    @property
    def alive(self) -> bool:
        return self.process.exitcode is None

    def end(self) -> None:
        """Kill what is left of it: the process itself, and workers that it had."""
        assert self.process.pid is not None
        if self.process.exitcode != 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.alive:  # had no group of its own yet
            self.process.kill()
        self.process.join()
        self.channel.close()


def run_each(
    calls: Sequence[Callable[[], Any]],
    at_once: int,
    lost: Callable[[int, str], Any],
    stopped: Callable[[int], None],
) -> list[Any]:
    """Do each call in a process of its own.

    Ctrl-C and SIGTERM stop the calls that run; all processes are gone when this ends.

    Args:
        calls: what to do; need not be picklable by name.
        at_once: how many run beside each other.
        lost: the result of a call whose process ended without one; has the call's number and
            how the process ended, such as "killed by SIGKILL".
        stopped: is told the number of each call that a signal to this process stopped.

    Returns:
        their results, in order.
    """
    waiting = list(enumerate(calls))[::-1]
    running: list[_Running] = []
    results: list[Any] = [None] * len(calls)
    with _sigterm_raises():
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    _start(*waiting.pop(), running)
                # not only at the end of a channel: a worker of a killed job may still hold it
                wait([job.channel for job in running], timeout=0.5)
                for job in list(running):
                    ended = not job.alive
                    job.receive()
                    if ended:
                        job.end()
                        running.remove(job)
                        received = job.received or (lost(job.call, _end_of(job.process.exitcode)),)
                        results[job.call] = received[0]
        except BaseException:
            _stop(running)
            for job in running:
                stopped(job.call)
            raise
    return results


def _start(number: int, call: Callable[[], Any], running: list[_Running]) -> None:
    from joblib import wrap_non_picklable_objects  # for a sweep alone

    context = multiprocessing.get_context("spawn")  # no locks and threads of this process in it
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(wrap_non_picklable_objects(call), theirs))
    # the first start of a process would begin it, and lift the mask of the next line
    ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until `_do` can hear it
    try:
        process.start()
        running.append(_Running(number, process, mine))
    finally:
        theirs.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do(call: Callable[[], Any], channel: Connection) -> None:
    """In the new process: Ctrl-C comes from the sweep alone, once, and the job ends with it."""
    from joblib import wrap_non_picklable_objects

    os.setsid()
    threading.Thread(target=_end_with_sweep, daemon=True).start()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        result = call()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    channel.send(wrap_non_picklable_objects(result, keep_wrapper=False))
    for worker in multiprocessing.active_children():  # loky's would be waited for, five minutes
        worker.terminate()


def _end_with_sweep() -> None:
    """A sweep that is killed can't stop its jobs."""
    sweep = multiprocessing.parent_process()
    assert sweep is not None
    wait([sweep.sentinel])
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(PATIENCE)
    os.killpg(0, signal.SIGKILL)


def _stop(running: Sequence[_Running]) -> None:
    """Ask the jobs to end as Ctrl-C does, then make them; at once at a second Ctrl-C."""
    log.info("stopping %d jobs; Ctrl-C again kills them", len(running))
    deadline = time.monotonic() + PATIENCE
    try:
        for job in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.process.pid or 0, signal.SIGINT)
        while any(job.alive for job in running) and time.monotonic() < deadline:
            for job in running:
                job.receive()
            time.sleep(0.05)
    except KeyboardInterrupt:
        pass
    finally:
        for job in running:
            job.end()


def _end_of(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"ended with status {code}"


def keep_end(job_dir: Path, job: Job) -> None:
    """Write how a job ended that could not write it itself."""
    before = read_job(job_dir)
    if before is None or before.status is Status.STARTED:
        job.write(job_dir)
        if job.status is Status.FAILED:
            log.error("error: job %d: %s", job.number, job.error)


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """SIGTERM ends this process as Ctrl-C does: with its jobs, and a table."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: object) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
