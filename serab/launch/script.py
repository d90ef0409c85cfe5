"""A script as Hydra starts it: a run whose errors are one sentence, or a job of a sweep."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra._internal import utils as hydra_utils
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from serab.installed import as_started, log_as_started
from serab.launch.arguments import check_entries
from serab.launch.errors import explain, full_errors, task_overrides
from serab.launch.help import explain_keys
from serab.run_dir import choose_run_dir, discard_unused
from serab.sweep.jobs import Outcome, run_job
from serab.sweep.record import with_table
from serab.terminal import show_what_it_can


def start(main: Callable[[], Any]) -> None:
    """Run a script's main: what the command line gets wrong is one sentence, a sweep has a table.

    What the terminal can't show is shown as `?`, rather than end a run that has done its work; a
    log file that can't be written any more prints no traceback either.
    """
    logging.raiseExceptions = False
    log_as_started()
    sys.argv[1:] = with_both_protocols(sys.argv[1:])
    show_what_it_can()
    explain_keys()
    # Hydra's own prints its errors as they are
    hydra_utils.run_and_report = _report  # type: ignore[assignment]  # its argument has no type
    _report(lambda: with_table(main))  # --help composes a config outside of it


def with_both_protocols(arguments: Sequence[str]) -> list[str]:
    """A command line whose `protocol=published,strict` is one run under both, unless it's a sweep.

    Hydra takes bare commas for a sweep's values; everybody else for a list.
    """
    if {"-m", "--multirun"} & set(arguments):
        return list(arguments)
    pattern = re.compile(r"((?:evaluate\.)?protocol)=(\w+(?:,\w+)+)")
    return [pattern.sub(r"\1=[\2]", text) for text in arguments]


def _report(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:
        sentence = None if full_errors() else explain(error)
        if sentence is None:
            raise
        sys.exit(f"error: {as_started(sentence)}")


def run(work: Callable[[DictConfig], Outcome], cfg: DictConfig, prefix: str = "") -> float | None:
    """Do what Hydra asks for: a run of its own, whose errors are one sentence, or a sweep's job.

    Args:
        work: does it, with a config whose `run_dir` is the run's.
        cfg: as Hydra composed it.
        prefix: comes before an error, such as the end of a progress bar's line.

    Returns:
        the metric to optimise; None where there is none, or where a sweep's job failed, so that
        the others go on.
    """
    job = HydraConfig.get()
    run_dir = Path(job.runtime.output_dir)

    def checked() -> Outcome:
        check_entries(cfg)
        return work(with_run_dir(cfg, run_dir))

    if in_sweep():
        return run_job(run_dir, job.job.num, task_overrides(), checked, explain).outcome.value
    try:
        return checked().value
    except Exception as error:
        discard_unused(run_dir)
        sentence = None if full_errors() else explain(error)
        if sentence is None:
            raise
        sys.exit(f"{prefix}error: {as_started(sentence)}")


def with_run_dir(cfg: DictConfig, run_dir: Path) -> DictConfig:
    """The config with the run directory that was chosen."""
    settled = cfg.copy()
    settled.run_dir = str(run_dir).replace("${", "\\${")
    return settled


def build(node: DictConfig, **arguments: Any) -> Any:
    """Hydra's `instantiate`, to which a path that has `${` arrives as it is."""
    values = OmegaConf.to_container(node, resolve=True)
    if "${" in str(values):  # Hydra unescapes twice: as it resolves, and as it reads the argument
        return instantiate(replaced(values, "${", "\\\\\\${"), **arguments)
    return instantiate(node, **arguments)


def replaced(node: Any, before: str, after: str) -> Any:
    """A tree of plain values with a text in place of another."""
    if isinstance(node, dict):
        return {key: replaced(value, before, after) for key, value in node.items()}
    if isinstance(node, list):
        return [replaced(value, before, after) for value in node]
    return node.replace(before, after) if isinstance(node, str) else node


def make_loggers(cfg: DictConfig) -> list:
    """The loggers of a run, which have its configuration as a tree."""
    chosen = (cfg.get("logger") or {}).values()
    loggers = [build(logger) for logger in chosen if logger]
    for logger in loggers:
        logger.log_hyperparams(OmegaConf.to_container(cfg, resolve=True))
    return loggers


def metric_to_optimize(name: str | None, known: list[str]) -> str:
    """The metric that a sweep looks at; by default the first of those that the run will have.

    Raises:
        ValueError: one that it won't have, or a search for the largest loss; said before anything
            is computed.
    """
    if name is not None and name not in known:
        raise ValueError(f"optimize={name}: expected one of {', '.join(known)}.")
    name = name or known[0]
    if in_sweep() and name == "loss":
        direction = HydraConfig.get().sweeper.get("direction")
        if direction is not None and getattr(direction, "name", direction) == "maximize":
            raise ValueError(
                "optimize=loss: the search is for the largest; add "
                "hydra.sweeper.direction=minimize, or give optimize=probe_TASK or evaluate.tasks."
            )
    return name


def in_sweep() -> bool:
    """Whether this is a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def job_fact(fact: str) -> str | None:
    """For the loggers: which script runs, and the sweep that it belongs to."""
    if not HydraConfig.initialized():
        return None
    if fact == "name":
        return HydraConfig.get().job.name
    return Path(HydraConfig.get().runtime.output_dir).parent.name if in_sweep() else None


def clip_frames(seconds: float, sample_rate: int, hop_length: int) -> int:
    """Frames of a clip's log-mel."""
    return round(seconds * sample_rate) // hop_length + 1


OmegaConf.register_new_resolver("choose_run_dir", choose_run_dir, use_cache=True, replace=True)
OmegaConf.register_new_resolver("job", job_fact, replace=True)
OmegaConf.register_new_resolver("clip_frames", clip_frames, replace=True)
