"""The analyses of an evaluation: checked before anything is computed, kept as they come, shown."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from serab.analyses import cross, labels, noise, text, voices
from serab.analyses.folds import SpeakerFolds
from serab.embed.cache import Cache
from serab.extractors.base import Extractor
from serab.index import CorpusIndex
from serab.report.findings.screen import print_findings
from serab.results.findings import Finding
from serab.results.run_files import RunFiles

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Analysis:
    """How one is made: `measure` takes one corpus, or `across` all of them.

    `check` raises ValueError for corpora that have no answer.
    """

    measure: Callable[[SpeakerFolds], list[Finding]] | None = None
    across: Callable[[Sequence[SpeakerFolds]], list[Finding]] | None = None
    check: Callable[[Sequence[CorpusIndex]], None] = lambda corpora: None


ANALYSES: dict[str, Analysis] = {
    "labels": Analysis(labels.measure),
    "text": Analysis(text.measure, check=text.check),
    "cross": Analysis(across=cross.measure, check=cross.check),
    "noise": Analysis(noise.measure, check=noise.check),
    "voices": Analysis(voices.measure),
}


def check_analyses(
    names: str | Sequence[str] | None, corpora: Sequence[CorpusIndex]
) -> tuple[str, ...]:
    """The names as given, none for None.

    Raises:
        ValueError: an unknown one, no corpus with emotions, or corpora that one can't be made of.
    """
    chosen = check_names(names)
    if chosen and not corpora:
        raise ValueError(
            f"analyses={list(chosen)}: expected a task with emotion classes, such as tasks=[EMB]."
        )
    for name in chosen:
        ANALYSES[name].check(corpora)
    return chosen


def check_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names as given, none for None; reads nothing.

    Raises:
        ValueError: an unknown one.
    """
    is_single = isinstance(names, str) or not isinstance(names, Sequence | None)
    chosen = (str(names),) if is_single else tuple(dict.fromkeys(map(str, names or ())))
    unknown = [name for name in chosen if name not in ANALYSES]
    if unknown:
        raise ValueError(f"analyses={list(chosen)}: expected a list from {', '.join(ANALYSES)}.")
    return chosen


def run_analyses(
    names: Sequence[str],
    corpora: Sequence[CorpusIndex],
    extractor: Extractor,
    files: RunFiles,
    cache: Cache,
    classifiers: Sequence[str] | None = None,
    jobs: int = -1,
) -> None:
    """Make each analysis of each corpus, unless the run directory has it, and show it.

    Raises:
        ValueError: a corpus that can't be split, or no classifier can be fitted.
    """
    everything = [SpeakerFolds(extractor, index, cache, classifiers, jobs) for index in corpora]
    for name in names:
        analysis = ANALYSES[name]
        if analysis.across is not None:
            kept = files.findings.of_split((name,))
            source = cross.source(everything)
            _update(files, name, kept, source, partial(analysis.across, everything))
            print_findings(files.findings.of_split((name,)))
            continue
        assert analysis.measure is not None
        for folds in everything:
            kept = files.findings.of_split((name, folds.index.code))
            title = f"{folds.index.code} {name}"
            _update(files, title, kept, folds.source, partial(analysis.measure, folds))
            print_findings(files.findings.of_split((name, folds.index.code)))


def _update(
    files: RunFiles,
    title: str,
    kept: Sequence[Finding],
    source: tuple,
    measure: Callable[[], list[Finding]],
) -> None:
    """Make what the run directory lacks, or has of another corpus, encoder or scikit-learn."""
    if kept and all(finding.source == source for finding in kept):
        return
    started = time.perf_counter()
    findings = measure()
    files.findings.drop([finding.slot for finding in kept])
    files.findings.put(*findings)
    log.info("%s, strict, %.1f s", title, time.perf_counter() - started)
