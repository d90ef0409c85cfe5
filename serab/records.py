"""What is known about a corpus before anyone has it: frozen records, no code that reads files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    """How a corpus can be had: downloaded by anyone, or after registration with its provider."""

    OPEN = "open"
    RESTRICTED = "restricted"


@dataclass(frozen=True)
class Archive:
    """One file as the provider publishes it.

    `url` is None where only a registered user gets it; `size` (bytes) and `md5` are None where the
    provider publishes none, and are checked where they are known.
    """

    name: str
    url: str | None = None
    size: int | None = None
    md5: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file that a complete copy holds but the corpus' list does not, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Name:
    """What a file name says: utterance id, true speaker, released group, and emotion if it does."""

    id: str
    speaker: str
    group: str
    emotion: str | None


@dataclass(frozen=True)
class Corpus:
    """One corpus, as its provider documents it.

    `grammar` is searched in a file's relative path (NFC, `/`). Its groups `speaker`, `speaker2`
    joined are the true speaker, `group` is what the released protocol takes for the speaker (the
    speaker where there is none), `emotion` is a key of `labels`; the whole match names the
    utterance. `counts` are utterances per emotion, in the order of `emotions`. None stands for
    "not known beforehand" throughout.
    """

    code: str
    name: str
    language: str
    access: Access
    licence: str
    homepage: str
    citation: str
    grammar: re.Pattern[str]
    labels: tuple[tuple[str, str], ...]
    emotions: tuple[str, ...]
    counts: tuple[int, ...] | None = None
    utterances: int | None = None
    speakers: int | None = None
    mean_seconds: float | None = None
    archives: tuple[Archive, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    probabilities: tuple[float, float, float] = (0.6, 0.2, 0.2)
    released_without: tuple[str, ...] = ()
    label_files: re.Pattern[str] | None = None
    serab: bool = False
    demo: bool = False

    @property
    def published_emotions(self) -> tuple[str, ...]:
        """The classes behind the paper's published scores: all but `released_without`."""
        return tuple(e for e in self.emotions if e not in self.released_without)

    def parse(self, path: str) -> Name | None:
        """Read a relative path (NFC, `/`); None when it isn't one of this corpus' utterances."""
        match = self.grammar.search(path)
        if match is None:
            return None
        said = match.groupdict()
        speaker = said["speaker"] + (said.get("speaker2") or "")
        emotion = dict(self.labels)[said["emotion"]] if "emotion" in said else None
        stem = match[0].strip("/").replace("/", "_").rsplit(".", 1)[0]
        return Name(stem, speaker, said.get("group") or speaker, emotion)


def grammar(pattern: str) -> re.Pattern[str]:
    """Compile a file-name pattern that ends in `.wav` and starts at a folder or file name."""
    return re.compile(rf"(?:^|(?<=/)){pattern}\.(?:wav|WAV)$")
