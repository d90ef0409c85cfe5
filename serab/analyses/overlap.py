"""Overlap: which recordings of a pre-training are in a test corpus, by file, audio or content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import chain
from pathlib import Path

from datamodules.audio import SUFFIXES, read_audio, resample
from datamodules.landmark_file import SUFFIX, landmark_path, read_about, read_landmarks
from datamodules.landmarks import HASH_DIGITS, RATE, Peaks, Sound, find_peaks, listen_to, sound_of
from datamodules.prefetch import prefetch
from datamodules.tables import find_file, read_table
from serab.analyses.landmarks import Collection, landmarks
from serab.index import CorpusIndex
from serab.terminal import progress

ARTEFACT, ARTEFACT_SUFFIX = "encoder.safetensors", ".safetensors"
SHIPPED = Path(__file__).parents[2] / "models" / "weights"
"""Encoders that come with the code, with their landmarks beside them."""


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
    """What was found.

    Attributes:
        corpus, corpus_digest, utterances: that was looked for.
        recordings: that were heard.
        pairs: of a recording and an utterance.
        false_alarms: recordings that match an utterance played backwards. Nobody trained on those,
            so they tell how often landmarks err on these very recordings.
        unreadable: recordings that couldn't be heard, and why.
        digest: of the recordings, where landmarks of them were kept.
    """

    corpus: str
    corpus_digest: str
    utterances: int
    recordings: int = 0
    pairs: list[Pair] = field(default_factory=list)
    false_alarms: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    digest: str | None = None

    @property
    def shared(self) -> list[str]:
        """Test utterances that were heard."""
        return sorted({pair.utterance for pair in self.pairs})

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


Heard = Iterable[Sound | tuple[str, str]]
"""Recordings; of one that can't be read its name and why."""


def heard_by(source: Path, root: Path | None = None) -> tuple[Heard, int, str | None]:
    """The recordings of a pre-training, how many, and their digest where it is known.

    Args:
        source: a run directory, an artefact or the name of an encoder that comes with the code,
            which have their landmarks beside them, a file of landmarks, a folder of recordings, or
            a table that lists some in a column `path`.
        root: that the table's paths are relative to; by default its folder.

    Raises:
        ValueError: nothing there, or nothing of that kind.
    """
    kept = _kept_landmarks(source)
    if kept is not None:
        about = read_about(kept)
        left_out = iter(about.unreadable.items())
        return chain(read_landmarks(kept), left_out), about.recordings, about.digest
    paths = recordings_of(source, root)
    return prefetch(lambda path: listen_to(path, str(path)), paths), len(paths), None


def _kept_landmarks(source: Path) -> Path | None:
    """The file of landmarks that `source` is or has beside it."""
    if source.name.endswith(SUFFIX) and source.is_file():
        return source
    if source.is_dir() and (source / ARTEFACT).is_file():
        source = source / ARTEFACT
    if not source.exists() and (SHIPPED / f"{source}{ARTEFACT_SUFFIX}").is_file():
        source = SHIPPED / f"{source}{ARTEFACT_SUFFIX}"
    if source.suffix != ARTEFACT_SUFFIX or not source.is_file():
        return None
    beside = landmark_path(source)
    if not beside.is_file():
        raise ValueError(
            f"{source}: has no {beside.name} beside it; write it with `python -m "
            f"datamodules.listening RECORDINGS --out {beside}`, from what it was trained on."
        )
    return beside


def recordings_of(manifest: Path, root: Path | None = None) -> list[Path]:
    """The recordings of a folder, or those that a table lists in a column `path`.

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
            f"{manifest}: no such file or folder; give a run, a file of landmarks, a manifest with "
            "a column path, or a folder of recordings."
        )
    if not found:
        raise ValueError(f"{manifest}: no recordings; give those of the pre-training.")
    if not any(path.exists() for path in found):
        raise ValueError(
            f"{manifest}: none of its {len(found)} recordings is there, the first is {found[0]}; "
            "put them back, or give --root."
        )
    return found


def overlap(source: Path, index: CorpusIndex, root: Path | None = None) -> Overlap:
    """Look for a test corpus' utterances in the recordings of a pre-training.

    The test corpus' landmarks are in memory; recordings come one after the other.

    Args:
        source, root: as `heard_by`.
        index: the test corpus.

    Raises:
        ValueError: as `heard_by`, or none of the recordings can be read; a few that can't are
            listed.
        datamodules.audio.AudioError: a test utterance can't be.
    """
    sounds, count, digest = heard_by(source, root)
    paths = [index.audio(u) for u in index.utterances]
    title = f"{index.code} landmarks"
    tested = list(progress(prefetch(_hear_both, paths), title, len(paths), " utterances"))
    names = [u.id for u in index.utterances]
    by_file = _positions([u.sha256[:HASH_DIGITS] for u in index.utterances])
    by_audio = _positions([forward.audio for forward, _ in tested])
    collection = Collection([landmarks(forward.peaks) for forward, _ in tested])
    backwards = Collection([landmarks(backward) for _, backward in tested])
    found = Overlap(index.code, index.digest, len(names), digest=digest)
    for sound in progress(sounds, "pre-training", count, " recordings"):
        if isinstance(sound, tuple):
            found.unreadable[sound[0]] = sound[1]
            continue
        found.recordings += 1
        heard = landmarks(sound.peaks)
        surest: dict[int, Pair] = {}
        for match in collection.matches(heard):
            name, text = names[match.position], Sameness.CONTENT.value
            surest[match.position] = Pair(sound.name, name, text, match.pairs, match.of)
        for sameness, positions in (
            (Sameness.AUDIO, by_audio.get(sound.audio, ())),
            (Sameness.FILE, by_file.get(sound.file, ())),
        ):
            for i in positions:
                surest[i] = Pair(sound.name, names[i], sameness.value)
        found.pairs += [surest[i] for i in sorted(surest)]
        found.false_alarms += bool(backwards.matches(heard))
    if not found.recordings:
        path, reason = next(iter(found.unreadable.items()))
        raise ValueError(
            f"{source}: none of its {count} recordings can be read, the first is {path} ({reason})."
        )
    return found


def _hear_both(path: Path) -> tuple[Sound, Peaks]:
    """An utterance, and its peaks played backwards."""
    waveform, rate = read_audio(path)
    forward = sound_of(str(path), "", waveform, rate)
    return forward, find_peaks(resample(waveform, rate, RATE)[::-1])


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
    if found.digest is not None:
        yield f"recordings: {found.recordings}, of the digest {found.digest[:12]}…"
    yield (
        f"false alarms: {found.false_alarms} of {found.recordings} recordings match an utterance "
        "played backwards"
    )
    if found.unreadable:
        path, reason = next(iter(found.unreadable.items()))
        yield f"{len(found.unreadable)} recordings can't be read, such as {path}: {reason}"
