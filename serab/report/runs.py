"""Run directories as a report reads them: one entry per run and protocol, real or demo."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from serab.protocol import PROTOCOLS, Mark, Protocol
from serab.results.merge import evaluations, merge_sweep
from serab.results.records import ClassifierResult, Predictions, RegressionResult
from serab.results.run_files import RunFiles
from serab.results.summary import SUMMARY, summarise


@dataclass(frozen=True)
class Run:
    """The results of one directory under one protocol; all demo tasks, or none."""

    label: str
    run_dir: Path
    protocol: Protocol
    results: tuple[ClassifierResult, ...]
    predictions: tuple[Predictions, ...]
    regression: tuple[RegressionResult, ...]
    demo: bool

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
        return next((of for of in self.predictions if of.slot == row.slot), None)

    @property
    def versions(self) -> dict[str, str]:
        """Of the packages when it was run."""
        try:
            return json.loads((self.run_dir / SUMMARY).read_text())["versions"]
        except (OSError, ValueError, KeyError):
            return {}


def read_runs(run_dirs: Sequence[Path]) -> list[Run]:
    """Read run directories of evaluate.py, and those of a sweep by the sweep's directory.

    Raises:
        ValueError: a directory without results; names it.
    """
    runs = []
    for run_dir in dict.fromkeys(inner for path in run_dirs for inner in _expanded(Path(path))):
        files = RunFiles(run_dir)
        found = list(_of_directory(run_dir, files))
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
    of = {row.extractor_fingerprint for row in _rows(run_dir)}
    return any(of <= {row.extractor_fingerprint for row in _rows(other)} for other in merged)


def _rows(run_dir: Path) -> list[ClassifierResult | RegressionResult]:
    files = RunFiles(run_dir)
    return [*files.results, *files.regression]


def _name(run_dir: Path) -> str:
    """What tells a run directory from others: of a training's own evaluation the training's."""
    return run_dir.parent.name if run_dir.name == "evaluate" else run_dir.name


def _of_directory(run_dir: Path, files: RunFiles) -> Iterator[Run]:
    for protocol in PROTOCOLS.values():
        for demo in (False, True):
            rows = [
                row for row in files.results if (row.protocol, row.demo) == (protocol.name, demo)
            ]
            finished = {row.split for row in rows if row.has(protocol.reports)}
            rows = [row for row in rows if row.split in finished]
            regression = [r for r in files.regression if r.protocol == protocol.name and not demo]
            if not rows and not regression:
                continue
            slots = {row.slot for row in rows}
            yield Run(
                (rows or regression)[0].extractor,
                run_dir,
                protocol,
                tuple(rows),
                tuple(of for of in files.predictions if of.slot in slots),
                tuple(regression),
                demo,
            )
