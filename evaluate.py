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
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from serab.benchmark import Benchmark
from serab.cache import Cache, cache_root, total_bytes
from serab.protocol import protocol_named, split_seeds
from serab.regression import run_regression
from serab.run_files import PREDICTIONS, REGRESSION, RESULTS, RunFiles
from serab.summary import SUMMARY, summarise, write_summary
from serab.tables import print_regression, print_splits, print_summary, print_task
from serab.tasks import choose_tasks
from serab.writing import write_whole

log = logging.getLogger("evaluate")


def evaluate(cfg: DictConfig) -> float | None:
    """One evaluation; returns UM, or the mean over the tasks at hand while there is no UM."""
    run_dir = Path(cfg.run_dir)
    protocol = protocol_named(cfg.protocol)
    seeds = split_seeds(protocol, cfg.splits)
    tasks = choose_tasks(cfg.tasks)
    extractor = instantiate(cfg.extractor)
    files = RunFiles(run_dir)
    files.check(protocol.name, extractor.fingerprint)
    cache = Cache(cache_root() if cfg.cache else None)
    benchmark = Benchmark(extractor, protocol, files, cfg.classifiers, cfg.jobs, cache)
    benchmark.check(tasks.classification + tasks.regression, seeds)
    write_whole(run_dir / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True))

    log.info("protocol %s: %s; extractor %s", protocol.name, protocol.summary, extractor.name)
    for index in tasks.classification:
        runs = [benchmark.run(index, seed) for seed in seeds]
        for rows, leaks in runs:
            print_task(rows, leaks)
        if len(seeds) > 1:
            print_splits([row for rows, _ in runs for row in rows])
    for index in tasks.regression:
        for seed in seeds:
            print_regression(
                *run_regression(extractor, index, protocol, files, seed, cfg.jobs, cache)
            )

    summary = summarise(files.results, protocol)
    write_summary(summary, run_dir)
    print_summary(summary)
    for name in (RESULTS, PREDICTIONS, REGRESSION, SUMMARY):
        if (run_dir / name).exists():
            log.info("%-12s %s", name.split(".")[0], run_dir / name)
    if cache.folder is not None:
        log.info("cache        %s, %.1f MB", cache.folder, total_bytes(cache.folder) / 1e6)
    log.info("report       python -m serab.report %s --out report", run_dir)
    return summary["UM"] or summary["present"]["UM"]


def choose_run_dir(run_dir: str | None) -> str:
    return run_dir or f"runs/evaluate/{time.strftime('%Y-%m-%d_%H-%M-%S')}"


OmegaConf.register_new_resolver("evaluate_run_dir", choose_run_dir, use_cache=True, replace=True)


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(cfg: DictConfig) -> float | None:
    cfg.run_dir = HydraConfig.get().runtime.output_dir
    try:
        return evaluate(cfg)
    except (ValueError, OSError, InstantiationException, OmegaConfBaseException) as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        if isinstance(cause, MissingMandatoryValue):
            cause = f"{cause.full_key} has no value; give {cause.full_key}=..."
        sys.exit(f"error: {cause}")


if __name__ == "__main__":
    main()
