"""Evaluate a frozen encoder: compose -> extractor -> run the tasks -> write the results."""

import logging
import os
import sys
import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from serab.benchmark import choose_tasks, evaluate_task
from serab.protocol import check_protocol
from serab.results import PREDICTIONS, RESULTS, SUMMARY, RunFiles
from serab.tables import print_summary, print_task
from serab.writing import write_whole

log = logging.getLogger("evaluate")


def evaluate(cfg: DictConfig) -> float | None:
    """One evaluation; returns UM, or the mean over the tasks at hand while there is no UM."""
    run_dir = Path(cfg.run_dir)
    check_protocol(cfg.protocol)
    indexes = choose_tasks(cfg.tasks)
    extractor = instantiate(cfg.extractor)
    write_whole(run_dir / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True))
    files = RunFiles(run_dir)

    log.info("protocol %s, extractor %s", cfg.protocol, extractor.name)
    for index in indexes:
        rows, leaks = evaluate_task(
            extractor, index, cfg.protocol, files, cfg.classifiers, jobs=cfg.jobs
        )
        print_task(rows, leaks)
    summary = files.summarise(cfg.protocol)
    print_summary(summary, files.results)
    for name in (RESULTS, PREDICTIONS, SUMMARY):
        log.info("%-12s %s", name.split(".")[0], run_dir / name)
    return summary["UM"] or summary["present"]["UM"]


def choose_run_dir(run_dir: str | None) -> str:
    return run_dir or f"runs/evaluate/{time.strftime('%Y-%m-%d_%H-%M-%S')}"


OmegaConf.register_new_resolver("evaluate_run_dir", choose_run_dir, use_cache=True)


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(cfg: DictConfig) -> float | None:
    cfg.run_dir = HydraConfig.get().runtime.output_dir
    try:
        return evaluate(cfg)
    except (ValueError, OSError, InstantiationException, OmegaConfBaseException) as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        sys.exit(
            f"error: {error.__cause__ if isinstance(error, InstantiationException) else error}"
        )


if __name__ == "__main__":
    main()
