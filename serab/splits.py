"""Who trains, who validates, who tests: splits by speaker, and a report of what leaks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from serab.corpora import record_of
from serab.draws import Draw
from serab.index import CorpusIndex, Utterance
from serab.protocol import Protocol

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Positions in `index.utterances` of each part, ascending.

    `speakers` are the ids of each part that the protocol splits by; `emotions` are the classes of
    the task.
    """

    protocol: Protocol
    seed: int
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    speakers: dict[str, tuple[str, ...]]
    emotions: tuple[str, ...]
    folds: int | None = None

    @property
    def draw(self) -> Draw:
        """Which division it is."""
        return Draw(self.seed, self.folds)


@dataclass(frozen=True)
class LeakReport:
    """What two parts of a split share, by pair of parts: true speakers, and equal recordings."""

    shared_speakers: dict[tuple[str, str], tuple[str, ...]]
    duplicated_audio: dict[tuple[str, str], tuple[tuple[Utterance, Utterance], ...]]

    @property
    def clean(self) -> bool:
        return not any(self.shared_speakers.values()) and not any(self.duplicated_audio.values())

    def lines(self) -> list[str]:
        """One sentence per finding; a single one when there is none."""
        found = []
        for (first, second), speakers in self.shared_speakers.items():
            if speakers:
                found.append(
                    f"{len(speakers)} speakers are in both {first} and {second}: {_some(speakers)}"
                )
        for (first, second), pairs in self.duplicated_audio.items():
            if pairs:
                named = tuple(f"{a.id} = {b.id}" for a, b in pairs)
                found.append(
                    f"{len(pairs)} recordings are in both {first} and {second}: {_some(named)}"
                )
        return found or ["no speaker and no recording is in two parts"]


def split(index: CorpusIndex, protocol: Protocol, draw: int | Draw = 0) -> Split:
    """Divide a corpus into training, validation and test by speaker.

    The released rule (SERAB, section 2.1): the sorted ids, shuffled by
    `numpy.random.RandomState(seed)`, are cut at int(cumulative share * ids); the shares are
    60/20/20 %, for CRE 70/10/20 %. A protocol with released ids leaves out the classes that the
    published scores lack. Two speakers give one for the test, and the other's utterances, shuffled,
    are divided 3 : 1 between training and validation. Official parts are kept, whatever the seed;
    where there is no official validation part, a quarter of the training speakers validates.

    Of a cross-validation the shuffled ids (seed 0) stand in a ring that is cut into folds: the
    fold of `draw` is tested, the speakers after it, as many as the rule's share, validate, and the
    others train; so everyone is tested once, and validation goes round. Two speakers change places.

    Args:
        index: the corpus.
        protocol: whose rules hold.
        draw: which division.

    Raises:
        ValueError: under two speakers, a part that gets no speaker, or folds of official parts.
    """
    draw = Draw(draw) if isinstance(draw, int) else draw
    seed = draw.number if draw.folds is None else 0
    record, ids = record_of(index.code), speaker_ids(index, protocol)
    without = record.released_without if protocol.released_ids else ()
    emotions = tuple(e for e in index.emotions if e not in without)
    kept = np.array([i for i, u in enumerate(index.utterances) if u.emotion in emotions], dtype=int)
    names = sorted({ids[i] for i in kept})
    random = np.random.RandomState(seed)
    random.shuffle(names)
    if index.has_parts and draw.folds is not None:
        raise ValueError(
            f"{index.code}: has official parts, which are one split; evaluate it with splits=1, or "
            "prepare it without its split column."
        )
    if index.has_parts:
        return _official_split(index, ids, kept, random, protocol, seed, emotions)
    if len(names) == 2:
        tested = 1 if draw.folds is None else draw.number
        return _split_two(names, tested, ids, kept, random, protocol, draw, emotions)
    if draw.folds is not None:
        parts = _fold(names, draw, record.probabilities[1])
    else:
        first, second = (int(share * len(names)) for share in np.cumsum(record.probabilities)[:2])
        groups = (names[:first], names[first:second], names[second:])
        parts = dict(zip(PARTS, groups, strict=True))
    if not all(parts.values()):
        raise ValueError(
            f"{index.code}: {len(names)} speaker(s) can't be divided into training, validation "
            "and test; prepare more speakers."
        )
    positions = {
        part: np.array([i for i in kept if ids[i] in set(members)], dtype=int)
        for part, members in parts.items()
    }
    speakers = {part: tuple(sorted(members)) for part, members in parts.items()}
    return Split(
        protocol, draw.number, **positions, speakers=speakers, emotions=emotions, folds=draw.folds
    )


def _fold(names: list[str], draw: Draw, share: float) -> dict[str, list[str]]:
    """Who is in which part of a fold; training may get nobody."""
    assert draw.folds is not None
    edges = [fold * len(names) // draw.folds for fold in range(draw.folds + 1)]
    start, end = edges[draw.number], edges[draw.number + 1]
    ring = names[end:] + names[:start]
    validating = max(1, int(share * len(names)))
    return {
        "train": ring[validating:],
        "validation": ring[:validating],
        "test": names[start:end],
    }


def speaker_folds(index: CorpusIndex, protocol: Protocol) -> tuple[Split, ...]:
    """Folds in which every speaker is tested once, about as many together as `split` tests.

    Official parts are one split.

    Raises:
        ValueError: as `split`.
    """
    first = split(index, protocol)
    if index.has_parts:
        return (first,)
    speakers = {speaker for part in first.speakers.values() for speaker in part}
    folds = -(-len(speakers) // len(first.speakers["test"]))
    return tuple(split(index, protocol, Draw(fold, folds)) for fold in range(folds))


def speaker_ids(index: CorpusIndex, protocol: Protocol) -> list[str]:
    """The id of each utterance's speaker that the protocol goes by."""
    return [u.group if protocol.released_ids else u.speaker for u in index.utterances]


def leak_report(index: CorpusIndex, split: Split) -> LeakReport:
    """Which true speakers, and which recordings by content, are in more than one part."""
    utterances = {part: [index.utterances[i] for i in getattr(split, part)] for part in PARTS}
    shared, duplicated = {}, {}
    for first, second in combinations(PARTS, 2):
        speakers = [{u.speaker for u in utterances[part]} for part in (first, second)]
        shared[first, second] = tuple(sorted(speakers[0] & speakers[1]))
        by_content = defaultdict(list)
        for u in utterances[first]:
            by_content[u.sha256].append(u)
        duplicated[first, second] = tuple(
            (a, b) for b in utterances[second] for a in by_content[b.sha256]
        )
    return LeakReport(shared, duplicated)


def _official_split(
    index: CorpusIndex,
    ids: list[str],
    kept: np.ndarray,
    random: np.random.RandomState,
    protocol: Protocol,
    seed: int,
    emotions: tuple[str, ...],
) -> Split:
    parts = {i: index.utterances[i].part for i in kept}
    if "validation" not in parts.values():
        tested = {ids[i] for i in kept if parts[i] == "test"}
        names = sorted({ids[i] for i in kept if parts[i] == "train"} - tested)
        random.shuffle(names)
        validating = set(names[: len(names) // 4 or 1])
        if len(names) < 2:
            raise ValueError(
                f"{index.code}: its official parts leave {len(names)} speaker(s) for training and "
                "validation; give the table a validation part, or more training speakers."
            )
        for i in kept:
            if parts[i] == "train" and ids[i] in validating:
                parts[i] = "validation"
    positions = {part: np.array([i for i in kept if parts[i] == part], dtype=int) for part in PARTS}
    speakers = {
        part: tuple(sorted({ids[i] for i in members})) for part, members in positions.items()
    }
    train, validation, test = (positions[part] for part in PARTS)
    return Split(protocol, seed, train, validation, test, speakers, emotions)


def _split_two(
    names: list[str],
    tested: int,
    ids: list[str],
    kept: np.ndarray,
    random: np.random.RandomState,
    protocol: Protocol,
    draw: Draw,
    emotions: tuple[str, ...],
) -> Split:
    other = names[1 - tested]
    test = np.array([i for i in kept if ids[i] == names[tested]], dtype=int)
    rest = np.array([i for i in kept if ids[i] == other], dtype=int)
    order = random.permutation(rest)
    cut = int(0.75 * len(order))
    speakers: dict[str, tuple[str, ...]]
    speakers = {"train": (other,), "validation": (other,), "test": (names[tested],)}
    train, validation = np.sort(order[:cut]), np.sort(order[cut:])
    return Split(
        protocol, draw.number, train, validation, test, speakers, emotions, folds=draw.folds
    )


def _some(names: tuple[str, ...], most: int = 10) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
