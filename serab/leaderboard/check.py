"""What must hold of entries: each by itself, and all of them together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from serab.corpora import CORPORA
from serab.intervals import Interval, Over, score_interval
from serab.leaderboard.entry import Entry, SplitScore
from serab.protocol import PROTOCOLS
from serab.results.contradictions import TOLERANCE

MIN_SPLITS = 5
"""Of a protocol that draws its own splits: one split's luck is larger than most gaps."""


def faults(entries: Mapping[Path, Entry]) -> list[str]:
    """A sentence for whatever doesn't hold; empty where all does."""
    found = [f"{path}: {fault}" for path, entry in entries.items() for fault in _alone(path, entry)]
    by_task: dict[tuple, dict[Path, Entry]] = defaultdict(dict)
    by_system: dict[str, dict[Path, Entry]] = defaultdict(dict)
    for path, entry in entries.items():
        by_task[entry.task, entry.protocol][path] = entry
        by_system[entry.system.name][path] = entry
    for group in by_task.values():
        found += _disagreeing(group, lambda e: e.corpus_digest, "corpus_digest")
    by_division: dict[tuple, dict[Path, Entry]] = defaultdict(dict)
    for path, entry in entries.items():
        one_split = entry.protocol in PROTOCOLS and PROTOCOLS[entry.protocol].one_split
        if one_split or entry.folds:  # all were tested on the same utterances in the same order
            by_division[entry.task, entry.division][path] = entry
    for group in by_division.values():
        found += _disagreeing(group, lambda e: e.utterances_digest, "utterances_digest")
    for group in by_system.values():
        found += _disagreeing(group, _description, "its system")
    return found


def _alone(path: Path, entry: Entry) -> Iterator[str]:
    if entry.protocol not in PROTOCOLS:
        yield f"protocol {entry.protocol} isn't one of {', '.join(PROTOCOLS)}"
        return
    if entry.task not in CORPORA or CORPORA[entry.task].demo:
        yield f"task {entry.task} isn't a corpus that others can get"
    if path.parts[-2:] != entry.path.parts:
        yield f"its place should be {entry.path}"
    protocol = PROTOCOLS[entry.protocol]
    seeds = [split.seed for split in entry.splits]
    if seeds != list(range(len(seeds))):
        yield f"its splits are {seeds}; expected 0 and so on"
    if entry.folds is not None:
        yield from _wrong_folds(entry)
    elif not protocol.one_split and len(seeds) < MIN_SPLITS:
        yield f"has {len(seeds)} split(s); the {protocol.name} protocol asks for {MIN_SPLITS} here"
    if protocol.one_split and len(seeds) > 1:
        yield f"has {len(seeds)} splits; the {protocol.name} protocol has one"
    if not protocol.released_ids and entry.leaks:
        yield f"its parts share something: {entry.leaks[0]}"
    if entry.heard is not None and entry.heard.shared > entry.heard.utterances:
        yield f"heard {entry.heard.shared} of {entry.heard.utterances} utterances"
    for split in entry.splits:
        yield from _wrong_scores(split)


def _wrong_folds(entry: Entry) -> Iterator[str]:
    if len(entry.splits) != entry.folds:
        yield f"has {len(entry.splits)} of {entry.folds} folds; let the evaluation finish"
    folds_of = defaultdict(set)
    for split in entry.splits:
        for speaker, _ in split.hits:
            folds_of[speaker].add(split.seed)
    twice = sorted(speaker for speaker, folds in folds_of.items() if len(folds) > 1)
    if twice:
        yield f"{len(twice)} speakers (such as {twice[0]}) are tested by several folds"


def _wrong_scores(split: SplitScore) -> Iterator[str]:
    digits = split.digits
    accuracy = digits.count("1") / len(digits)
    if abs(accuracy - split.accuracy) > TOLERANCE:
        yield (
            f"split {split.seed}: accuracy is {split.accuracy:.4f}, by its hits {accuracy:.4f}; "
            "it was edited"
        )
    given = {Over.UTTERANCES: split.over_utterances, Over.SPEAKERS: split.over_speakers}
    for over, limits in given.items():
        right = score_interval(["1"] * len(digits), list(digits), split.test_speakers, over)
        if not _equal(right, limits):
            yield f"split {split.seed}: the interval over {over} isn't that of its hits"


def _equal(interval: Interval | None, limits: list[float] | None) -> bool:
    if interval is None or limits is None:
        return interval is None and limits is None
    low, high = limits
    return abs(interval.low - low) <= TOLERANCE and abs(interval.high - high) <= TOLERANCE


def _description(entry: Entry) -> tuple:
    """What is the same in all entries of a system; a norm taken from a corpus is in no weights."""
    system = entry.system
    return (system.kind, system.licence, system.pretraining, system.source, system.embed_dim)


def _disagreeing(
    group: Mapping[Path, Entry], fact: Callable[[Entry], object], name: str
) -> Iterator[str]:
    """Entries that differ from the first of their group."""
    (path, first), *others = group.items()
    for other_path, other in others:
        if fact(other) != fact(first):
            yield f"{other_path}: {name} isn't that of {path.parent.name}/{path.name}"
