"""UM, WM and GM of a run's results: whole, over the tasks at hand, and over several splits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from datamodules.typed_json import parse
from serab.intervals import mean_interval
from serab.protocol import Mark, Protocol
from serab.results.checksums import read_checked, write_checked
from serab.results.records import ClassifierResult
from serab.results.versions import versions
from serab.scores import SERAB_TASKS, Means, means

SUMMARY = "summary.json"


def summarise(results: Iterable[ClassifierResult], protocol: Protocol) -> dict[str, Any]:
    """The content of summary.json, for the results of one protocol.

    The plain keys hold the choice of classifier that the protocol reports; the other one stands
    under its name. UM, WM and GM are None while one of the nine tasks is missing; those over the
    tasks at hand stand under `present`. With several splits accuracies are means over them, and
    `splits` has the spread. Demo tasks and those beyond the nine have no part in it.
    """
    rows = [r for r in results if r.protocol == protocol.name and r.task in SERAB_TASKS]
    summary: dict[str, Any] = {"protocol": protocol.name, "reports": protocol.reports.value}
    for mark in sorted(Mark, key=lambda mark: mark is not protocol.reports):
        chosen = [row for row in rows if row.has(mark)]
        entry = _means(chosen)
        if mark is protocol.reports:
            summary |= entry
            reported = chosen
        elif chosen:
            summary[mark.value] = entry
    summary["tasks"] = [task for task in SERAB_TASKS if any(r.task == task for r in reported)]
    summary["missing"] = [task for task in SERAB_TASKS if task not in summary["tasks"]]
    summary["partial"] = sorted({row.task for row in rows if row.partial})
    summary["splits"] = {task: _spread(reported, task) for task in summary["tasks"]}
    summary["versions"] = versions()
    return summary


def summarise_all(
    results: Iterable[ClassifierResult], protocols: Sequence[Protocol]
) -> dict[str, Any]:
    """The content of summary.json for a run under one protocol, or under each of several."""
    rows = list(results)
    if len(protocols) == 1:
        return summarise(rows, protocols[0])
    each = {protocol.name: summarise(rows, protocol) for protocol in protocols}
    for summary in each.values():
        del summary["versions"]
    return {"protocols": each, "versions": versions()}


def write_summary(summary: dict[str, Any], run_dir: Path) -> Path:
    """Write summary.json."""
    return write_checked(run_dir / SUMMARY, json.dumps(summary, indent=2) + "\n")


def read_summary(run_dir: Path) -> dict[str, Any] | None:
    """The content of summary.json; None where there is none.

    Raises:
        ValueError: a file that holds something else; one sentence.
    """
    path = run_dir / SUMMARY
    content, _ = read_checked(path)
    if content is None:
        return None
    advice = "copy it again, or run the evaluation again, which writes it from the results"
    parse(content, _Versions, str(path), advice)
    return json.loads(content)


@dataclass(frozen=True)
class _Versions:
    """What is read of a summary; the rest is computed from the results."""

    versions: dict[str, str]


def _means(chosen: list[ClassifierResult]) -> dict[str, Any]:
    by_task = {task: [row for row in chosen if row.task == task] for task in SERAB_TASKS}
    spreads = {task: found for task, rows in by_task.items() if (found := spread(rows))}
    accuracies = {task: found.mean for task, found in spreads.items()}
    sizes = {task: found.n_test for task, found in spreads.items()}
    present = means(accuracies, sizes, tuple(accuracies))
    return {
        **_triple(means(accuracies, sizes)),
        "present": _triple(present),
        "accuracies": accuracies,
    }


@dataclass(frozen=True)
class Spread:
    """Test accuracies of one task over splits, with their seeds; `std` is None for a single one.

    `n_test` is the mean number of test utterances. Of a cross-validation the accuracies are of the
    `speakers`, each tested once, `over_speakers` is the 95 % interval of their mean, the seeds are
    the folds, and `n_test` counts all utterances.
    """

    seeds: list[int]
    accuracies: list[float]
    mean: float
    std: float | None
    min: float
    max: float
    n_test: float
    folds: int | None = None
    speakers: list[str] | None = None
    over_speakers: list[float] | None = None


def spread(rows: Sequence[ClassifierResult]) -> Spread | None:
    """Over the results of one task, one a split or fold; None for none."""
    if rows and rows[0].folds is not None:
        return _over_speakers(rows, rows[0].folds)
    by_seed = {row.seed: row.tested for row in rows}
    values = list(by_seed.values())
    if not values:
        return None
    deviation = stdev(values) if len(values) > 1 else None
    size = mean(row.n_test for row in rows)
    return Spread(list(by_seed), values, mean(values), deviation, min(values), max(values), size)


def _spread(chosen: list[ClassifierResult], task: str) -> dict[str, Any]:
    found = spread([row for row in chosen if row.task == task])
    assert found is not None  # a task of the summary has results
    hidden = {"n_test"} | ({"folds", "speakers", "over_speakers"} if found.folds is None else set())
    return {name: value for name, value in asdict(found).items() if name not in hidden}


def _over_speakers(rows: Sequence[ClassifierResult], folds: int) -> Spread | None:
    """Each speaker counts once, whatever the size of the folds and of what they said."""
    by_speaker = {
        speaker: accuracy
        for row in rows
        for speaker, accuracy in zip(
            row.speakers, row.by_speaker or (), strict=bool(row.by_speaker)
        )
    }
    if not by_speaker:
        return None
    values = list(by_speaker.values())
    interval = mean_interval(values)
    return Spread(
        seeds=[row.seed for row in rows],
        accuracies=values,
        mean=mean(values),
        std=stdev(values) if len(values) > 1 else None,
        min=min(values),
        max=max(values),
        n_test=sum(row.n_test for row in rows),
        folds=folds,
        speakers=list(by_speaker),
        over_speakers=None if interval is None else [interval.low, interval.high],
    )


def _triple(found: Means) -> dict[str, float | None]:
    return {"UM": found.um, "WM": found.wm, "GM": found.gm}
