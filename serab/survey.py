"""What lies in a folder, judged by names alone: utterances, doubles, strangers, another corpus."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serab.corpora import CORPORA
from serab.records import Corpus, LeftOut, Name

AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".mp4")
"""Endings that count as audio when strangers are counted."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


class PrepareError(ValueError):
    """A source that can't become an index. The first line says what and the way out; `listing`
    has the names, one a line, each with what is wrong."""

    def __init__(self, message: str, listing: Iterable[str] = ()):
        super().__init__(message)
        self.listing = tuple(listing)


@dataclass(frozen=True)
class Survey:
    """The names under a folder, sorted out: `found` by utterance id has every path with that id,
    shortest first; `left_out` are files that the record names as such; `strangers` is other audio;
    `labels` are label files."""

    found: dict[str, tuple[Name, tuple[str, ...]]]
    left_out: tuple[tuple[LeftOut, str], ...]
    strangers: tuple[str, ...]
    labels: tuple[str, ...]


def list_files(folder: Path) -> list[str]:
    """Relative paths (`/`) of the files under a folder, hidden ones and macOS' doubles left out.

    Links to folders are followed once; the order is the same on every machine.

    Raises:
        OSError: a folder that can't be read.
    """

    def stop(error: OSError) -> None:
        raise error

    paths, seen = [], set()
    for where, folders, files in os.walk(folder, onerror=stop, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not _hidden(f))
        relative = os.path.relpath(where, folder).replace(os.sep, "/")
        prefix = "" if relative == "." else relative + "/"
        paths += [prefix + name for name in sorted(files) if not _hidden(name)]
    return paths


def survey(record: Corpus, paths: Iterable[str]) -> Survey:
    """Sort relative paths into utterances of a corpus and others.

    Raises:
        PrepareError: an audio file whose name isn't UTF-8.
    """
    found: dict[str, tuple[Name, list[str]]] = {}
    left_out, strangers, labels, unreadable = [], [], [], []
    known = {item.id: item for item in record.left_out}
    for path in paths:
        text = normal(path)
        name = record.parse(text)
        if record.label_files is not None and record.label_files.search(text):
            labels.append(path)
        elif name is None and not text.lower().endswith(AUDIO):
            continue
        elif not _is_unicode(path):
            unreadable.append(path)
        elif name is None:
            strangers.append(path)
        elif name.id in known:
            left_out.append((known[name.id], path))
        else:
            found.setdefault(name.id, (name, []))[1].append(path)
    if unreadable:
        raise PrepareError(
            f"{record.code}: {len(unreadable)} audio files have names that aren't UTF-8; rename "
            "them (`convmv -f latin1 -t utf8 -r --notest FOLDER` does), then prepare again.",
            [repr(os.fsencode(path)) for path in unreadable],
        )
    ordered = {
        key: (name, tuple(sorted(where, key=lambda p: (p.count("/"), p))))
        for key, (name, where) in sorted(found.items())
    }
    return Survey(ordered, tuple(left_out), tuple(strangers), tuple(labels))


def looks_like(paths: Iterable[str], but: str) -> tuple[Corpus, int] | None:
    """The corpus, other than `but`, whose grammar fits most of these paths, and how many."""
    counts: dict[str, int] = defaultdict(int)
    for path in map(normal, paths):
        for code, record in CORPORA.items():
            if code != but and record.parse(path) is not None:
                counts[code] += 1
    if not counts:
        return None
    code = max(counts, key=lambda c: counts[c])
    return CORPORA[code], counts[code]


def normal(path: str) -> str:
    """A path as grammars expect it: NFC, `/`."""
    return unicodedata.normalize("NFC", path).replace("\\", "/")


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_unicode(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:  # bytes that aren't UTF-8 arrive as lone surrogates
        return False
    return True
