"""Evaluate a frozen encoder: compose -> extractor -> run the tasks -> write the results."""

from __future__ import annotations

from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from models.hub_download import is_repo_id
from models.weights import SHIPPED
from models.weights.released import RELEASED
from serab.launch.arguments import check_arguments
from serab.launch.early import check_evaluation, check_weights
from serab.launch.script import build, make_loggers, metric_to_optimize, run, start
from serab.sweep.jobs import Outcome


def evaluate(cfg: DictConfig) -> Outcome:
    """One evaluation; its metrics are fractions."""
    check_evaluation(cfg)
    check_weights(cfg, lambda name: name in SHIPPED or name in RELEASED or is_repo_id(name))
    from serab.evaluation import plan, run_plan  # seconds to import, and --help should not wait

    run_dir = Path(cfg.run_dir)
    planned = plan(
        cfg.tasks,
        cfg.protocol,
        cfg.splits,
        cfg.classifiers,
        cfg.jobs,
        cfg.cache,
        cfg.keep,
        cfg.allow_leaks,
        cfg.analyses,
    )
    optimized = metric_to_optimize(cfg.optimize, planned.metrics)
    check_arguments(cfg, ("extractor",))
    extractor = build(cfg.extractor)
    settings = OmegaConf.to_yaml(cfg, resolve=True)
    if not any((cfg.logger or {}).values()):
        return Outcome(run_plan(planned, extractor, run_dir, settings).metrics, optimized)

    from models.tracking import finished_run
    from serab.report.loggers import log_evaluation

    with finished_run():
        loggers = make_loggers(cfg)
        evaluation = run_plan(planned, extractor, run_dir, settings)
        log_evaluation(loggers, evaluation)
    return Outcome(evaluation.metrics, optimized)


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(cfg: DictConfig) -> float | None:
    return run(evaluate, cfg)


if __name__ == "__main__":
    start(main)
