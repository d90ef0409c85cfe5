"""Evaluate a frozen encoder: compose -> extractor -> run the tasks -> write the results."""

import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hydra
from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from serab.run_dir import choose_run_dir
from serab.sweep.jobs import run_job
from serab.sweep.record import with_table

log = logging.getLogger("evaluate")


def evaluate(cfg: DictConfig) -> dict[str, float]:
    """One evaluation; returns its metrics as fractions."""
    from serab.evaluation import plan, run_plan  # seconds to import, and --help should not wait

    run_dir = Path(cfg.run_dir)
    planned = plan(cfg.tasks, cfg.protocol, cfg.splits, cfg.classifiers, cfg.jobs, cfg.cache)
    cfg.optimize = metric_to_optimize(cfg.optimize, planned.metrics)
    extractor = instantiate(cfg.extractor)
    settings = OmegaConf.to_yaml(cfg, resolve=True)
    if not any((cfg.logger or {}).values()):
        evaluation = run_plan(planned, extractor, run_dir, settings)
    else:
        from models.tracking import finished_run
        from serab.report.loggers import log_evaluation

        with finished_run():
            loggers = make_loggers(cfg)
            evaluation = run_plan(planned, extractor, run_dir, settings)
            log_evaluation(loggers, evaluation)
    return with_chosen(cfg.optimize, evaluation.metrics)


def make_loggers(cfg: DictConfig) -> list:
    """The loggers of a run, which have its configuration as a tree."""
    chosen = (cfg.get("logger") or {}).values()
    loggers = [instantiate(logger) for logger in chosen if logger]
    for logger in loggers:
        logger.log_hyperparams(OmegaConf.to_container(cfg, resolve=True))
    return loggers


def metric_to_optimize(name: str | None, known: list[str]) -> str:
    """The metric that a sweep looks at, by default the first that the run will have.

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


def with_chosen(name: str, metrics: dict[str, float]) -> dict[str, float]:
    """The metrics with the one to optimize first."""
    return {name: metrics.get(name, float("nan"))} | metrics


def in_sweep() -> bool:
    """Whether this is a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def run(
    work: Callable[[DictConfig], dict[str, float]], cfg: DictConfig, lead: str = ""
) -> float | None:
    """Do what Hydra asks for: a run of its own, whose errors are one sentence, or a sweep's job.

    Args:
        work: does it and returns metrics, the one to optimize first.
        cfg: of the job.
        lead: comes before an error, such as the end of a progress bar's line.

    Returns:
        the metric to optimize; None where a sweep's job failed, so that the others go on.
    """
    job = HydraConfig.get()
    cfg.run_dir = job.runtime.output_dir
    if in_sweep():
        overrides = list(job.overrides.task)
        done = run_job(Path(cfg.run_dir), job.job.num, overrides, lambda: work(cfg), explain)
        value = next(iter(done.metrics.values()), math.nan)
        return None if math.isnan(value) else value
    try:
        return next(iter(work(cfg).values()), None)
    except Exception as error:
        sentence = explain(error)
        if sentence is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        sys.exit(f"{lead}error: {sentence}")


def explain(error: Exception) -> str | None:
    """The one sentence of an error that a user can mend; None for others."""
    sentence = described(error)
    culprits = [text for key, text in words_for_numbers(error) if key not in (sentence or "")]
    if culprits:
        reason = (sentence or str(error)).rstrip(".") or type(error).__name__
        return f"{'; '.join(culprits)} ({reason})."
    return sentence


def described(error: Exception) -> str | None:
    """What an error of a known kind says."""
    tracker = sys.modules.get("wandb")
    if tracker is not None and isinstance(error, tracker.errors.Error):
        return f"W&B: {str(error).rstrip('.')}; set logger.wandb.mode=offline, or logger=csv."
    if not isinstance(error, (ValueError, OSError, InstantiationException, OmegaConfBaseException)):
        return None
    cause = error.__cause__ if isinstance(error, InstantiationException) else error
    if isinstance(cause, MissingMandatoryValue):
        return f"{cause.full_key} has no value; give {cause.full_key}=..."
    return str(cause)


def words_for_numbers(error: Exception) -> list[tuple[str, str]]:
    """Keys to which the command line gives a word in place of a number, each with a sentence.

    Only where the error may come of it: code that meets such a word knows its own argument, or
    `int` alone, and not the key.
    """
    if not (HydraConfig.initialized() and GlobalHydra.instance().is_initialized()):
        return []
    job = HydraConfig.get()
    given = OverridesParser.create().parse_overrides(list(job.overrides.task))
    words = {
        override.key_or_group: word
        for override in given
        if isinstance(word := override.value(), str)
        and word != "auto"  # which some numbers may be
        and override.key_or_group not in job.runtime.choices
        and any(stumbles(cause, word) for cause in causes(error))
    }
    if not words:
        return []
    others = [o.input_line for o in given if o.input_line and o.key_or_group not in words]
    before = compose(job.job.config_name, others)
    found = []
    for key, word in words.items():
        number = OmegaConf.select(before, key)
        if isinstance(number, bool):
            found.append((key, f"{key}={word}: expected true or false"))
        elif isinstance(number, (int, float)):
            found.append((key, f"{key}={word}: expected a number, such as {number}"))
    return found


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def stumbles(error: BaseException, word: str) -> bool:
    """Whether an error looks like one of code that was given `word` for a number."""
    return isinstance(error, (TypeError, AssertionError)) or (
        isinstance(error, ValueError) and repr(word) in str(error)
    )


def job_fact(fact: str) -> str | None:
    """For the loggers: which script runs, and the sweep that it belongs to."""
    if not HydraConfig.initialized():
        return None
    if fact == "name":
        return HydraConfig.get().job.name
    return Path(HydraConfig.get().runtime.output_dir).parent.name if in_sweep() else None


OmegaConf.register_new_resolver("choose_run_dir", choose_run_dir, use_cache=True, replace=True)
OmegaConf.register_new_resolver("job", job_fact, replace=True)


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(cfg: DictConfig) -> float | None:
    return run(evaluate, cfg)


if __name__ == "__main__":
    with_table(main)
