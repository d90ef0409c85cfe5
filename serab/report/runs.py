"""Run directories as a report reads them: one entry per run and protocol, real or demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from serab.corpora import record_of
from serab.protocol import PROTOCOLS, Mark, Protocol
from serab.results.findings import Finding
from serab.results.folds import join_folds
from serab.results.merge import evaluations, merge_sweep
from serab.results.records import ClassifierResult, LayerScores, Predictions, RegressionResult
from serab.results.run_files import RunFiles
from serab.results.summary import Spread, read_summary, spread, summarise
from serab.results.verify import Verification, verify_run
from serab.terminal import progress


@dataclass(frozen=True)
class Run:
    """The results of one directory under one protocol; all demo tasks, or none. A
    cross-validation is one result, of all its utterances."""

    label: str
    run_dir: Path
    protocol: Protocol
    results: tuple[ClassifierResult, ...]
    predictions: tuple[Predictions, ...]
    regression: tuple[RegressionResult, ...]
    findings: tuple[Finding, ...]
    demo: bool
    verification: Verification
    layers: tuple[LayerScores, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.task for row in self.results))

    @property
    def summary(self) -> dict[str, Any]:
        return summarise(self.results, self.protocol)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({row.seed for row in self.results}))

    def chosen(self, task: str, mark: Mark | None = None, seed: int = 0) -> ClassifierResult | None:
        """The task's result with a mark, by default the one that the protocol reports."""
        mark = mark or self.protocol.reports
        return next(
            (
                row
                for row in self.results
                if row.task == task and row.seed == seed and row.has(mark)
            ),
            None,
        )

    def predicted(self, row: ClassifierResult | None) -> Predictions | None:
        """What that classifier said of each test utterance."""
        if row is None:
            return None
        return next((answers for answers in self.predictions if answers.slot == row.slot), None)

    def spread(self, task: str, mark: Mark | None = None) -> Spread | None:
        """The task's test accuracies over the splits; None where it has none so marked."""
        rows = [self.chosen(task, mark, seed) for seed in self.seeds]
        return spread([row for row in rows if row is not None])

    @property
    def versions(self) -> dict[str, str]:
        """Of the packages when it was run."""
        summary = read_summary(self.run_dir)
        return {} if summary is None else summary["versions"]


def read_runs(run_dirs: Sequence[Path]) -> list[Run]:
    """Read run directories of evaluate.py, and those of a sweep by the sweep's directory.

    Raises:
        ValueError: a directory without results, with a file that can't be read, or with numbers
            that its predictions don't give; names it.
    """
    runs = []
    expanded = dict.fromkeys(inner for path in run_dirs for inner in _expanded(Path(path)))
    for run_dir in progress(expanded, "checking", unit=" run directories"):
        verification = verify_run(run_dir)
        if verification.wrong:
            first, others = verification.wrong[0], len(verification.wrong) - 1
            more = f" (and {others} more)" if others else ""
            raise ValueError(
                f"{run_dir}: {first}{more}; not reported: `python -m serab.verify {run_dir}` "
                "lists what doesn't hold, copy the directory again or evaluate in another one."
            )
        found = list(_of_directory(verification))
        if not found:
            raise ValueError(
                f"{run_dir}: no finished results; give a run_dir of evaluate.py, or let that run "
                "finish."
            )
        runs += found
    counts = Counter((run.label, run.protocol.name, run.demo) for run in runs)
    return [
        replace(run, label=f"{run.label} ({_name(run.run_dir)})")
        if counts[run.label, run.protocol.name, run.demo] > 1
        else run
        for run in runs
    ]


def _expanded(path: Path) -> list[Path]:
    """A run directory itself; of a sweep those in it, one for what is of the same encoder."""
    merged = merge_sweep(path)
    inner = [run_dir for run_dir in evaluations(path) if not _within(run_dir, merged)]
    return [*merged, *inner] or [path]


def _within(run_dir: Path, merged: Sequence[Path]) -> bool:
    """Whether all that `run_dir` has is in one of the merged ones, which are of its encoder."""
    encoders = {row.extractor_fingerprint for row in _rows(run_dir)}
    return any(encoders <= {row.extractor_fingerprint for row in _rows(other)} for other in merged)


def _rows(run_dir: Path) -> list[ClassifierResult | RegressionResult]:
    files = RunFiles(run_dir)
    return [*files.results, *files.regression]


def _name(run_dir: Path) -> str:
    """What tells a run directory from others: of a training's own evaluation the training's."""
    return run_dir.parent.name if run_dir.name == "evaluate" else run_dir.name


def _of_directory(found: Verification) -> Iterator[Run]:
    for protocol in PROTOCOLS.values():
        for demo in (False, True):
            rows = [
                row for row in found.results if (row.protocol, row.demo) == (protocol.name, demo)
            ]
            finished = {row.split for row in rows if row.has(protocol.reports)}
            rows = [row for row in rows if row.split in finished]
            regression = [r for r in found.regression if r.protocol == protocol.name and not demo]
            if not rows and not regression:
                continue
            slots = {row.slot for row in rows}
            joined, answered = join_folds(rows, [a for a in found.predictions if a.slot in slots])
            yield Run(
                (rows or regression)[0].extractor,
                found.run_dir,
                protocol,
                tuple(joined),
                tuple(answered),
                tuple(regression),
                tuple(row for row in found.findings if record_of(row.task).demo is demo),
                demo,
                found,
                tuple(scores for scores in found.layers if scores.slot in slots),
            )
