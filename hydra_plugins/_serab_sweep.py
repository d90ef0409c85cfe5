"""Which jobs a sweep will have, before the first begins; Hydra's parser says it."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig

from serab.sweep.jobs import own
from serab.sweep.record import begin


def expected_jobs(config: DictConfig) -> list[list[str]]:
    """The overrides of each job, by number.

    A search chooses them as it goes: its jobs are known by their number alone and have none. Empty
    where the sweeper will refuse what is asked.
    """
    sweeper = config.hydra.sweeper
    asked = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    asked += list(config.hydra.overrides.task)
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    overrides = parser.parse_overrides(asked)
    if "n_trials" in sweeper:
        trials = sweeper.n_trials
        if sweeper.sampler._target_.endswith("GridSampler"):  # ends with its grid
            grid = [one for one in overrides if one.is_discrete_sweep()]
            trials = min(trials, math.prod(len([*one.sweep_string_iterator()]) for one in grid))
        return [[] for _ in range(trials)]
    try:
        (jobs,) = BasicSweeper.split_arguments(overrides, None)
    except HydraException:
        return []
    return jobs


class SweepRecord:
    """Hydra's callback at a sweep's start: what it is goes into sweep.json, one sweep a directory.

    It ends the process with a sentence where the directory holds another sweep.
    """

    def on_multirun_start(self, config: Any, **_: Any) -> None:

        # the jobs of submitit begin with a plain interpreter, from any directory
        path = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        sweep_dir = Path(config.hydra.sweep.dir)
        asked = own(config.hydra.overrides.task)
        jobs = [own(overrides) for overrides in expected_jobs(config)]
        try:
            begin(sweep_dir, asked, jobs, sys.argv, "Optuna" in config.hydra.sweeper._target_)
        except (ValueError, OSError) as error:
            sys.exit(f"error: {error}")

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):  # Hydra's other moments
            return lambda *_, **__: None
        raise AttributeError(name)
