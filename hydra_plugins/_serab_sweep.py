"""Which jobs a sweep will have, before the first begins; Hydra's parser says it."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from serab.launch.errors import as_given
from serab.sweep.jobs import identifying
from serab.sweep.record import begin


def expected_jobs(config: DictConfig) -> list[list[str]]:
    """The overrides of each job, by number.

    A search chooses them as it goes: its jobs are known by their number alone and have none. Empty
    where the sweeper will refuse what is asked.
    """
    sweeper = config.hydra.sweeper
    texts = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    texts += as_given(config.hydra.overrides.task)
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    overrides = parser.parse_overrides(texts)
    if "n_trials" in sweeper:
        trials = sweeper.n_trials
        if sweeper.sampler._target_.endswith("GridSampler"):  # ends with its grid
            grid = [override for override in overrides if override.is_discrete_sweep()]
            sizes = [len([*override.sweep_string_iterator()]) for override in grid]
            trials = min(trials, math.prod(sizes))
        return [[] for _ in range(trials)]
    try:
        (jobs,) = BasicSweeper.split_arguments(overrides, None)
    except HydraException:
        return []
    return jobs


class SweepRecord(Callback):
    """At a sweep's start: what it is goes into sweep.json, one sweep a directory.

    It ends the process with a sentence where the directory holds another sweep.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        # the jobs of submitit begin with a plain interpreter, from any directory
        path = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        sweep_dir = Path(config.hydra.sweep.dir)
        task = identifying(as_given(config.hydra.overrides.task))
        jobs = [identifying(overrides) for overrides in expected_jobs(config)]
        try:
            begin(sweep_dir, task, jobs, sys.argv, "Optuna" in config.hydra.sweeper._target_)
        except (ValueError, OSError) as error:
            sys.exit(f"error: {error}")
