"""Overlap: which recordings of a pre-training are in a test corpus, by file, audio or content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from datamodules.audio import SUFFIXES, AudioError, read_audio, resample
from datamodules.prefetch import prefetch
from datamodules.tables import find_file, read_table
from serab.analyses.landmarks import RATE, Collection, Landmarks, landmarks
from serab.index import CorpusIndex
from serab.terminal import progress


class Sameness(StrEnum):
    """How sure it is that two recordings are one; each pair has the surest."""

    FILE = "equal files"
    AUDIO = "equal decoded audio"
    CONTENT = "same content"


@dataclass(frozen=True)
class Pair:
    """A pre-training recording, the utterance that it is or holds, and how that was told.

    `pairs` of `of` landmarks agree, where it is by content.
    """

    recording: str
    utterance: str
    sameness: str
    pairs: int = 0
    of: int = 0


@dataclass
class Overlap:
    """What was found; `false_alarms` are recordings that match an utterance played backwards.

    Nobody trained on those, so they tell how often the fingerprint errs on these very recordings.
    """

    corpus: str
    corpus_digest: str
    utterances: int
    recordings: int = 0
    pairs: list[Pair] = field(default_factory=list)
    false_alarms: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)

    def utterances_by(self, sameness: Sameness) -> list[str]:
        """Test utterances of whom the surest sign is that one, sorted."""
        surest: dict[str, int] = {}
        order = list(Sameness)
        for pair in self.pairs:
            rank = order.index(Sameness(pair.sameness))
            surest[pair.utterance] = min(rank, surest.get(pair.utterance, rank))
        return sorted(name for name, rank in surest.items() if order[rank] is sameness)

    @property
    def content(self) -> dict:
        """As it is written."""
        return asdict(self)


@dataclass(frozen=True)
class _Heard:
    file: str
    audio: str
    forward: Landmarks
    backward: Landmarks | None


def recordings_of(manifest: Path, root: Path | None = None) -> list[Path]:
    """The recordings of a folder, or those that a table lists in a column `path`.

    Args:
        root: that the table's paths are relative to; by default its folder. A run's recordings.csv
            needs the folder that was trained on.

    Raises:
        ValueError: no such file or folder, no such column, or nothing in it.
    """
    if manifest.is_dir():
        found = [p for p in sorted(manifest.rglob("*")) if p.suffix.lower() in SUFFIXES]
    elif manifest.is_file():
        folder = manifest.parent if root is None else root
        rows = read_table(manifest, ("path",), any_names=True)
        found = [folder / find_file(folder, row["path"]) for _, row in rows]
    else:
        raise ValueError(
            f"{manifest}: no such file or folder; give a manifest with a column path, or a folder "
            "of recordings."
        )
    if not found:
        raise ValueError(f"{manifest}: no recordings; give those of the pre-training.")
    return found


def overlap(recordings: Sequence[Path], index: CorpusIndex) -> Overlap:
    """Look for a test corpus' utterances in the recordings of a pre-training.

    The test corpus' fingerprints are in memory; recordings come one after the other.

    Raises:
        ValueError: none of the recordings can be read; a few that can't are listed.
        datamodules.audio.AudioError: a test utterance can't be.
    """
    paths = [index.audio(u) for u in index.utterances]
    title = f"{index.code} fingerprints"
    tested = list(progress(prefetch(_listen_both, paths), title, len(paths), " utterances"))
    names = [u.id for u in index.utterances]
    by_file = _positions([u.sha256 for u in index.utterances])
    by_audio = _positions([heard.audio for heard in tested])
    collection = Collection([heard.forward for heard in tested])
    backwards = Collection([heard.backward for heard in tested if heard.backward is not None])
    found = Overlap(index.code, index.digest, len(names))
    for path, heard in progress(
        prefetch(_listened, recordings), "pre-training", len(recordings), " recordings"
    ):
        if isinstance(heard, str):
            found.unreadable[str(path)] = heard
            continue
        found.recordings += 1
        surest: dict[int, Pair] = {}
        for match in collection.matches(heard.forward):
            name, text = names[match.position], Sameness.CONTENT.value
            surest[match.position] = Pair(str(path), name, text, match.pairs, match.of)
        for sameness, positions in (
            (Sameness.AUDIO, by_audio.get(heard.audio, ())),
            (Sameness.FILE, by_file.get(heard.file, ())),
        ):
            for i in positions:
                surest[i] = Pair(str(path), names[i], sameness.value)
        found.pairs += [surest[i] for i in sorted(surest)]
        found.false_alarms += bool(backwards.matches(heard.forward))
    if not found.recordings:
        path, reason = next(iter(found.unreadable.items()))
        raise ValueError(
            f"none of the {len(recordings)} recordings can be read, the first is {path} "
            f"({reason}); put them back, or give --root."
        )
    return found


def _listened(path: Path) -> tuple[Path, _Heard | str]:
    """A recording, or why it can't be read."""
    try:
        return path, _listen(path, False)
    except (AudioError, OSError) as error:
        return path, str(error)


def _listen_both(path: Path) -> _Heard:
    return _listen(path, True)


def _listen(path: Path, with_backward: bool) -> _Heard:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    waveform, rate = read_audio(path)
    steps = np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)
    audio = hashlib.sha256(steps.tobytes() + str(rate).encode()).hexdigest()
    narrow = resample(waveform, rate, RATE)
    backward = landmarks(narrow[::-1]) if with_backward else None
    return _Heard(content, audio, landmarks(narrow), backward)


def _positions(keys: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        found.setdefault(key, []).append(position)
    return found


def lines(found: Overlap) -> Iterator[str]:
    """Sentences for the screen."""
    for sameness in Sameness:
        names = found.utterances_by(sameness)
        shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        yield (
            f"{sameness.value}: {len(names)} of {found.utterances} utterances of {found.corpus}"
            + (f": {shown}" if names else "")
        )
    yield (
        f"false alarms: {found.false_alarms} of {found.recordings} recordings match an utterance "
        "played backwards"
    )
    if found.unreadable:
        path, reason = next(iter(found.unreadable.items()))
        yield f"{len(found.unreadable)} recordings can't be read, such as {path}: {reason}"
