"""What is known about a corpus before anyone has it: frozen records, no code that reads files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    """How a corpus can be had: by anyone, after registration, or made by the user."""

    OPEN = "open"
    RESTRICTED = "restricted"
    OWN = "own"


@dataclass(frozen=True)
class Archive:
    """One file as the provider publishes it.

    `url` is None where there is no direct link; `size` (bytes) and `md5` are None where no value
    of the provider is known, and are checked where one is.
    """

    name: str
    url: str | None = None
    size: int | None = None
    md5: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file that copies of a corpus hold but its list of utterances doesn't, and why."""

    id: str
    reason: str


class Sex(StrEnum):
    """Of a speaker, where a corpus says it."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True)
class Person:
    """What a corpus' documentation says of a speaker; age in years."""

    speaker: str
    sex: Sex | None = None
    age: float | None = None
    language: str | None = None


@dataclass(frozen=True)
class SpeakerTable:
    """A table that comes with the audio: `files` fits its path, the others name its columns."""

    files: re.Pattern[str]
    example: str
    speaker: str
    sex: str
    age: str


@dataclass(frozen=True)
class LabelTable:
    """A table that comes with the audio and says what names don't: its place, and its columns."""

    example: str
    path: str
    speaker: str
    emotion: str
    text: str
    sex: str | None = None


@dataclass(frozen=True)
class Name:
    """What a file name or a table says: utterance id, true speaker, released group, emotion if it
    does, and what is known of the speaker (age in years), the language, the sentence (id or text),
    the official part (of train, validation, test), valence and arousal."""

    id: str
    speaker: str
    group: str
    emotion: str | None
    sex: str | None = None
    age: float | None = None
    language: str | None = None
    text: str | None = None
    part: str | None = None
    valence: float | None = None
    arousal: float | None = None


@dataclass(frozen=True)
class Corpus:
    """One corpus, as its provider documents it. None stands for "not known beforehand".

    `grammar` is searched in a file's relative path (NFC, `/`). Its groups `speaker` and `speaker2`
    joined are the true speaker, `group` is what the released protocol takes for the speaker (the
    speaker where there is none), `emotion` is a key of `labels`, `sex` begins with F or M, `text`
    is the corpus' own code of the sentence; the whole match names the utterance. `people` says of
    the speakers what names don't, `speaker_table` where the corpus' own table says it. `example` is
    a path that it fits. Where names don't say the emotion, `label_files` fits the paths of the
    files that do, and `label_table` says how they are read, where they are tables; their group
    `part` is an official part. `counts` are utterances per emotion, in the order of
    `emotions`, `total` all of them where only that is known; `mean_seconds` is as published;
    `probabilities` are the shares of speakers for training, validation and test;
    `released_without` are classes that the published scores lack; `respell` (pattern, template)
    gives a copy's other spelling of an utterance id the usual one; `bytes_per_second` is the most
    that a copy's audio takes; `mirror` says where the audio is had when git-lfs gives pointers.
    """

    code: str
    name: str
    language: str
    access: Access
    licence: str
    homepage: str
    citation: str
    grammar: re.Pattern[str]
    example: str
    labels: tuple[tuple[str, str], ...]
    emotions: tuple[str, ...]
    counts: tuple[int, ...] | None = None
    total: int | None = None
    speakers: int | None = None
    mean_seconds: float | None = None
    archives: tuple[Archive, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    label_files: re.Pattern[str] | None = None
    notes: tuple[str, ...] = ()
    probabilities: tuple[float, float, float] = (0.6, 0.2, 0.2)
    released_without: tuple[str, ...] = ()
    respell: tuple[re.Pattern[str], str] | None = None
    bytes_per_second: int = 48_000 * 2 * 3  # 48 kHz, stereo, 24 bit
    mirror: str = ""
    people: tuple[Person, ...] = ()
    speaker_table: SpeakerTable | None = None
    label_table: LabelTable | None = None
    serab: bool = False
    demo: bool = False

    @property
    def own(self) -> bool:
        """Whether it is a user's, and made from a table."""
        return self.access is Access.OWN and not self.demo

    @property
    def utterances(self) -> int | None:
        """How many utterances a complete index has."""
        return self.total if self.counts is None else sum(self.counts)

    @property
    def most_bytes(self) -> int | None:
        """What the audio of two copies takes at most, unpacked; None when not known."""
        if self.utterances is None or self.mean_seconds is None:
            return None
        return 2 * int(self.utterances * self.mean_seconds * self.bytes_per_second)

    @property
    def downloadable(self) -> bool:
        """Whether the provider offers direct links to all of it."""
        return bool(self.archives) and all(archive.url for archive in self.archives)

    def label(self, key: str) -> str | None:
        """The emotion that a key of file names or label files stands for; None for others."""
        return dict(self.labels).get(key)

    def parse(self, path: str) -> Name | None:
        """Read a relative path (NFC, `/`); None when it isn't one of this corpus' utterances."""
        match = self.grammar.search(path)
        if match is None:
            return None
        groups = match.groupdict()
        speaker = groups.get("speaker", "") + (groups.get("speaker2") or "")
        emotion = self.label(groups["emotion"]) if "emotion" in groups else None
        stem = match[0].replace("/", "_").rsplit(".", 1)[0]
        if self.respell is not None:
            stem = self.respell[0].sub(self.respell[1], stem)
        person = next((p for p in self.people if p.speaker == speaker), Person(speaker))
        return Name(
            id=stem,
            speaker=speaker,
            group=groups.get("group") or speaker,
            emotion=emotion,
            sex=person.sex or sex_of(groups.get("sex")),
            age=person.age,
            language=person.language or (None if self.access is Access.OWN else self.language),
            text=groups.get("text"),
        )


def sex_of(text: str | None) -> Sex | None:
    """Of a word or letter as tables and names have it; None for others."""
    letter = (text or "").strip().lower()[:1]
    return {"f": Sex.FEMALE, "m": Sex.MALE}.get(letter)


def grammar(pattern: str) -> re.Pattern[str]:
    """Compile a file-name pattern that starts at a folder's or file's name; the endings of lossless
    audio are added, in any case."""
    return re.compile(rf"(?:^|(?<=/)){pattern}\.(?i:wav|flac|aiff?)$")
