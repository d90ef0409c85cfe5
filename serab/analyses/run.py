"""The analyses of an evaluation: checked before anything is computed, kept as they come, shown."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serab.analyses import labels, voices
from serab.analyses.turns import Turns
from serab.embed.cache import Cache
from serab.extractors.base import Extractor
from serab.index import CorpusIndex
from serab.report.findings.screen import print_findings
from serab.results.findings import Finding
from serab.results.run_files import RunFiles

log = logging.getLogger("evaluate")


@dataclass(frozen=True)
class Analysis:
    """`measure` takes one corpus; `check` raises ValueError for corpora that have no answer."""

    measure: Callable[[Turns], list[Finding]]
    check: Callable[[Sequence[CorpusIndex]], None] = lambda corpora: None


ANALYSES: dict[str, Analysis] = {
    "labels": Analysis(labels.measure),
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
    jobs: int = -1,
) -> None:
    """Make each analysis of each corpus, unless the run directory has it, and show it.

    Raises:
        ValueError: a corpus that can't be split, or no classifier can be fitted.
    """
    for index in corpora:
        turns = Turns(extractor, index, cache, jobs)
        for name in names:
            kept = files.findings.of_split((name, index.code))
            if not kept or any(finding.source != turns.source for finding in kept):
                files.findings.drop([finding.slot for finding in kept])
                started = time.perf_counter()
                files.findings.put(*ANALYSES[name].measure(turns))
                seconds = time.perf_counter() - started
                log.info("%s %s, strict, %.1f s", index.code, name, seconds)
            print_findings(name, files.findings.of_split((name, index.code)))
