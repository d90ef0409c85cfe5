"""One evaluation: planned and checked before anything is computed, then done, then summed up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.files import write_whole
from serab.cache_folder import cache_root, total_bytes
from serab.classification import ClassificationRunner
from serab.classifiers import check_classifiers
from serab.embed.cache import Cache
from serab.extractors.base import Extractor, check_attributes
from serab.metrics import metrics_of
from serab.protocol import Protocol, protocol_named, split_seeds
from serab.regression import RegressionRunner
from serab.report.screen import print_regression, print_splits, print_summary, print_task
from serab.results.kept import CALIBRATION, summary_with_calibration
from serab.results.records import ClassifierResult, RegressionResult
from serab.results.run_files import PREDICTIONS, REGRESSION, RESULTS, RunFiles
from serab.results.summary import SUMMARY, write_summary
from serab.run_dir import hold
from serab.splits import split
from serab.tasks import Tasks, choose_tasks

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Plan:
    """What to evaluate on, by which rules; made by `plan`, which checks it."""

    tasks: Tasks
    protocol: Protocol
    seeds: Sequence[int]
    classifiers: Sequence[str] | None
    jobs: int
    cache: Cache
    keep: bool

    @property
    def metrics(self) -> list[str]:
        """The names of what `Evaluation.metrics` will have."""
        return list(metrics_of(self.tasks, self.protocol))


def plan(
    tasks: str | Sequence[str] | None = None,
    protocol: str = "published",
    splits: int = 1,
    classifiers: Sequence[str] | None = None,
    jobs: int = -1,
    cache: bool = True,
    keep: bool = True,
) -> Plan:
    """Check what is asked for.

    Args:
        tasks: codes of prepared corpora; None for those of the nine that are prepared.
        protocol: "published" or "strict".
        splits: number of speaker splits.
        classifiers: names; None for all five.
        jobs: threads for a grid; -1 takes all processors.
        cache: whether embeddings and decoded audio are kept.
        keep: whether the chosen classifiers are kept, for `serab.predict`.

    Raises:
        ValueError: anything that can't be run as asked; one sentence.
    """
    rules = protocol_named(protocol)
    seeds = split_seeds(rules, splits)
    chosen = choose_tasks(tasks)
    names = check_classifiers(classifiers)
    for index in chosen.classification + chosen.regression:
        for seed in seeds:
            split(index, rules, seed)
    asked = None if classifiers is None else names
    return Plan(chosen, rules, seeds, asked, jobs, Cache(cache_root() if cache else None), keep)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found: its rows, their summary, and the plan's metrics, as fractions."""

    run_dir: Path
    protocol: Protocol
    results: tuple[ClassifierResult, ...]
    regression: tuple[RegressionResult, ...]
    summary: dict[str, Any]
    metrics: dict[str, float]


def run_plan(
    plan: Plan, extractor: Extractor, run_dir: Path, config: str | None = None
) -> Evaluation:
    """Do it: results, predictions and summary into `run_dir`, tables on the screen.

    What `run_dir` already has isn't done again.

    Args:
        plan: what and how.
        extractor: the system under test.
        run_dir: for the results.
        config: content for its config.yaml.

    Raises:
        ValueError: `run_dir` holds a run of another encoder or protocol, or the extractor lacks
            what one must have.
        serab.run_dir.RunInUse: another process writes to it.
    """
    check_attributes(extractor)
    with hold(run_dir):
        files = RunFiles(run_dir)
        files.check(plan.protocol.name, extractor.fingerprint)
        if config is not None:
            write_whole(run_dir / "config.yaml", config)
        _run(plan, extractor, files)
        summary = summary_with_calibration(files.results, plan.protocol, run_dir)
        write_summary(summary, run_dir)
    print_summary(summary, files.results)
    for name in (RESULTS, PREDICTIONS, REGRESSION, SUMMARY):
        if (run_dir / name).exists():
            log.info("%-12s %s", name.split(".")[0], run_dir / name)
    if plan.cache.folder is not None:
        log.info(
            "cache        %s, %.1f MB", plan.cache.folder, total_bytes(plan.cache.folder) / 1e6
        )
    for task in list(summary.get(CALIBRATION, {}))[:1]:
        command = f"python -m serab.predict FOLDER --from {run_dir} --task {task} --out TABLE.csv"
        log.info("predict      %s", command)
    log.info("report       python -m serab.report %s --out report", run_dir)
    results, regression = tuple(files.results), tuple(files.regression)
    table = metrics_of(plan.tasks, plan.protocol)
    metrics = {name: compute(results, regression) for name, compute in table.items()}
    return Evaluation(run_dir, plan.protocol, results, regression, summary, metrics)


def _run(plan: Plan, extractor: Extractor, files: RunFiles) -> None:
    rules = plan.protocol
    log.info("protocol %s: %s; extractor %s", rules.name, rules.summary, extractor.name)
    emotions = ClassificationRunner(
        extractor, rules, files, plan.classifiers, plan.jobs, plan.cache, plan.keep
    )
    for index in plan.tasks.classification:
        runs = [emotions.run(index, seed) for seed in plan.seeds]
        for rows, divided in runs:
            print_task(rows, divided.leaks)
        if len(plan.seeds) > 1:
            print_splits([row for rows, _ in runs for row in rows])
    dimensions = RegressionRunner(extractor, rules, files, plan.jobs, plan.cache)
    for index in plan.tasks.regression:
        for seed in plan.seeds:
            predicted, divided = dimensions.run(index, seed)
            print_regression(predicted, divided.leaks)
