"""`sweep=joblib`: the jobs of hydra-joblib-launcher, but in a process of its own each.

In joblib's pool a job that is killed (out of memory) takes the others with it. Hydra looks for its
plugins in a `hydra_plugins` folder and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.errors import ConfigCompositionException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class ProcessLauncher(Launcher):
    """Launches `n_jobs` jobs beside each other.

    Args:
        n_jobs: as joblib counts them, -1 is as many as there are processors.
    """

    def __init__(self, n_jobs: int = -1):
        self.n_jobs = n_jobs

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        if not isinstance(self.n_jobs, int) or self.n_jobs == 0:
            # the error of which Hydra prints the sentence alone
            raise ConfigCompositionException(
                f"hydra.launcher.n_jobs={self.n_jobs}: expected a number of jobs, or -1 for "
                "as many as there are processors."
            )
        if find_spec("hydra_plugins.hydra_joblib_launcher") is None:
            raise ConfigCompositionException(
                "sweep=joblib isn't installed: pip install hydra-joblib-launcher==1.2.0."
            )
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """One result a job, in order; that of a job that was killed is None, as of a failed one."""
        # here, as Hydra imports this file in every run
        from hydra_plugins.hydra_joblib_launcher._core import execute_job
        from joblib import effective_n_jobs

        from serab.sweep.jobs import Job, Status, identifying
        from serab.sweep.processes import keep_end, run_each

        hydra = self.config.hydra
        configure_log(hydra.hydra_logging, hydra.verbose)
        sweep_dir, state = Path(hydra.sweep.dir), Singleton.get_state()
        numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
        calls = [
            partial(execute_job, number, overrides, self.context, self.config, self.task, state)
            for number, overrides in zip(numbers, job_overrides, strict=True)
        ]

        def ended(call: int, status: Status, error: str) -> None:
            job = Job(numbers[call], identifying(job_overrides[call]), status, error=error)
            keep_end(sweep_dir / str(job.number), job)

        def lost(call: int, how: str) -> JobReturn:
            if how == "killed by SIGKILL":
                how += "; where memory ran out, take fewer at once: hydra.launcher.n_jobs=..."
            ended(call, Status.FAILED, how)
            return JobReturn(overrides=job_overrides[call], status=JobStatus.COMPLETED)

        def stopped(call: int) -> None:
            ended(call, Status.STOPPED, "stopped by a signal")

        return run_each(calls, effective_n_jobs(self.n_jobs), lost, stopped)
