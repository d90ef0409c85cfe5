"""Which jobs a sweep will have, before the first begins; Hydra's parser says it."""

from __future__ import annotations

import math

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig


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
