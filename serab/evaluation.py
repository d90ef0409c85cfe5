"""One evaluation: planned and checked before anything is computed, then done, then summed up."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datamodules.files import write_whole
from serab.cache_folder import cache_root, total_bytes
from serab.classification import ClassificationRunner
from serab.classifier_names import check_classifiers
from serab.draws import Draw, check_splits, draws
from serab.embed.cache import Cache
from serab.extractors.base import Extractor, check_attributes
from serab.index import CorpusIndex
from serab.metrics import metrics_of
from serab.protocol import Protocol, protocols_named
from serab.regression import RegressionRunner
from serab.report.screen import print_regression, print_splits, print_summary, print_task
from serab.results.findings import ANALYSES
from serab.results.kept import CALIBRATION, summary_with_calibration
from serab.results.records import ClassifierResult, RegressionResult
from serab.results.run_files import PREDICTIONS, REGRESSION, RESULTS, RunFiles
from serab.results.summary import SUMMARY, write_summary
from serab.run_dir import hold
from serab.splits import leak_report, split
from serab.tasks import VALENCE_AROUSAL, Tasks, choose_tasks

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Plan:
    """What to evaluate on, by which rules; made by `plan`, which checks it."""

    tasks: Tasks
    protocols: tuple[Protocol, ...]
    draws: Mapping[tuple[str, str], Sequence[Draw]]  # by corpus and protocol
    classifiers: Sequence[str] | None
    jobs: int
    cache: Cache
    keep: bool
    analyses: tuple[str, ...]

    @property
    def metrics(self) -> list[str]:
        """The names of what `Evaluation.metrics` will have."""
        return list(metrics_of(self.tasks, self.protocols))


def plan(
    tasks: str | Sequence[str] | None = None,
    protocol: str | Sequence[str] = "published",
    splits: int | str = 1,
    classifiers: Sequence[str] | None = None,
    jobs: int = -1,
    cache: bool = True,
    keep: bool = True,
    allow_leaks: bool = False,
    analyses: Sequence[str] | None = None,
) -> Plan:
    """Check what is asked for.

    Args:
        tasks: codes of prepared corpora; None for those of the nine that are prepared.
        protocol: "published" or "strict", or both with a comma between.
        splits: number of speaker splits, "speakers" for a fold a speaker, "folds:N" for N of them.
        classifiers: names; None for all five.
        jobs: threads for a grid; -1 takes all processors.
        cache: whether embeddings and decoded audio are kept.
        keep: whether the chosen classifiers are kept, for `serab.predict`.
        allow_leaks: whether the strict protocol takes official parts that share speakers.
        analyses: names of what is looked into after the tasks, always by the strict rules.

    Raises:
        ValueError: anything that can't be run as asked; one sentence.
    """
    protocols = protocols_named(protocol)
    check_splits(protocols, splits)
    chosen = choose_tasks(tasks)
    names = check_classifiers(classifiers)
    asked_analyses: tuple[str, ...] = ()
    if analyses is not None:
        from serab.analyses.run import check_analyses  # seconds to import

        asked_analyses = check_analyses(analyses, chosen.classification)
    planned = {}
    for index in chosen.classification + chosen.regression:
        for rules in protocols:
            planned[index.code, rules.name] = _draws(index, rules, splits, allow_leaks)
    asked = None if classifiers is None else names
    kept_in = Cache(cache_root() if cache else None)
    return Plan(chosen, protocols, planned, asked, jobs, kept_in, keep, asked_analyses)


def _draws(
    index: CorpusIndex, rules: Protocol, splits: int | str, allow_leaks: bool
) -> tuple[Draw, ...]:
    """The divisions of a corpus, each tried."""
    if index.has_parts and splits != 1:
        raise ValueError(
            f"splits={splits}: {index.code} has official parts, which are one split; evaluate it "
            "with splits=1, or prepare it without its split column."
        )
    try:
        found = draws(rules, splits, len({u.speaker for u in index.utterances}))
    except ValueError as error:
        raise ValueError(f"{index.code}: {error}") from error
    for draw in found:
        parts = split(index, rules, draw)
        if index.has_parts and rules.refuses_leaks and not allow_leaks:
            _refuse_leaks(index, leak_report(index, parts).shared_speakers)
    return found


def _refuse_leaks(index: CorpusIndex, shared: Mapping[tuple[str, str], Sequence[str]]) -> None:
    speakers = sorted({speaker for found in shared.values() for speaker in found})
    if speakers:
        raise ValueError(
            f"{index.code}: {len(speakers)} speakers are in more than one of its official parts "
            f"({', '.join(speakers[:5])}{' …' if len(speakers) > 5 else ''}), a leak that the "
            "strict protocol refuses; add allow_leaks=true to score it all the same."
        )


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found: its rows, their summary, and the plan's metrics, as fractions."""

    run_dir: Path
    protocols: tuple[Protocol, ...]
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
        files.check([rules.name for rules in plan.protocols], extractor.fingerprint)
        for (code, protocol), planned in plan.draws.items():
            for task in (code, *(t for t, c in VALENCE_AROUSAL.items() if c == code)):
                files.check_folds(task, protocol, planned[0].folds)
        if config is not None:
            write_whole(run_dir / "config.yaml", config)
        with _shared_cache(plan) as cached:
            for rules in plan.protocols:
                _run(cached, rules, extractor, files)
        summary = summary_with_calibration(files.results, plan.protocols, run_dir)
        write_summary(summary, run_dir)
        each = list(summary.get("protocols", {"": summary}).values())
        print_summary(each, files.results)
        if plan.analyses:
            from serab.analyses.run import run_analyses

            run_analyses(
                plan.analyses,
                plan.tasks.classification,
                extractor,
                files,
                plan.cache,
                plan.classifiers,
                plan.jobs,
            )
    if all(rules.tests_all for rules in plan.protocols):
        log.info(
            "strict       the reported classifiers were chosen on the test part; "
            "protocol=published,strict gives the number of ones that weren't beside it"
        )
    for name in (RESULTS, PREDICTIONS, REGRESSION, SUMMARY, ANALYSES):
        if (run_dir / name).exists():
            log.info("%-12s %s", name.split(".")[0], run_dir / name)
    if plan.cache.folder is not None:
        log.info(
            "cache        %s, %.1f MB", plan.cache.folder, total_bytes(plan.cache.folder) / 1e6
        )
    for task in [task for entry in each for task in entry.get(CALIBRATION, {})][:1]:
        command = f"python -m serab.predict FOLDER --from {run_dir} --task {task} --out TABLE.csv"
        log.info("predict      %s", command)
    log.info("report       python -m serab.report %s --out report", run_dir)
    results, regression = tuple(files.results), tuple(files.regression)
    table = metrics_of(plan.tasks, plan.protocols)
    metrics = {name: compute(results, regression) for name, compute in table.items()}
    return Evaluation(run_dir, plan.protocols, results, regression, summary, metrics)


@contextmanager
def _shared_cache(plan: Plan) -> Iterator[Plan]:
    """The plan, whose cache lasts for the run where none is kept and several divisions share it."""
    divisions = sum(len(planned) for planned in plan.draws.values())
    if plan.cache.folder is not None or divisions == len({code for code, _ in plan.draws}):
        yield plan
        return
    with TemporaryDirectory(prefix="serab-") as folder:
        yield replace(plan, cache=Cache(Path(folder)))


def _run(plan: Plan, rules: Protocol, extractor: Extractor, files: RunFiles) -> None:
    log.info("protocol %s: %s; extractor %s", rules.name, rules.summary, extractor.name)
    emotions = ClassificationRunner(
        extractor, rules, files, plan.classifiers, plan.jobs, plan.cache, plan.keep
    )
    for index in plan.tasks.classification:
        planned = plan.draws[index.code, rules.name]
        runs = [emotions.run(index, draw) for draw in planned]
        for rows, divided in runs if planned[0].folds is None else ():
            print_task(rows, divided.leaks)
        if len(planned) > 1:
            print_splits([row for rows, _ in runs for row in rows])
    dimensions = RegressionRunner(extractor, rules, files, plan.jobs, plan.cache)
    for index in plan.tasks.regression:
        for draw in plan.draws[index.code, rules.name]:
            predicted, divided = dimensions.run(index, draw)
            print_regression(predicted, divided.leaks)
