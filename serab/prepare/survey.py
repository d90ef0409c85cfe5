"""What lies in a folder, judged by names alone: utterances, doubles, unlisted, another corpus."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serab.corpora import CORPORA
from serab.corpora.inventory import inventory
from serab.corpora.records import Corpus, LeftOut, Name
from serab.prepare.errors import PrepareError
from serab.prepare.paths import normal

_AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff")


@dataclass(frozen=True)
class Survey:
    """Names, sorted out.

    `found`: utterance id -> its name and every path that has it, the least deep first, by id;
    `left_out`: files that the record names as such; `unlisted`: other audio; `labels`: label
    files; `tables`: of the speakers; `hidden`: folders that were passed over;
    `notes`: for the reader.
    """

    found: dict[str, tuple[Name, tuple[str, ...]]]
    left_out: tuple[tuple[LeftOut, str], ...] = ()
    unlisted: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def survey(record: Corpus, paths: Iterable[str], hidden: Iterable[str] = ()) -> Survey:
    """Sort relative paths into the utterances of a corpus and others; `hidden` are passed on.

    Raises:
        PrepareError: an audio file whose name isn't UTF-8.
    """
    found: dict[str, tuple[Name, list[str]]] = {}
    left_out, unlisted, labels, unreadable = [], [], [], []
    tables: list[str] = []
    known = {item.id: item for item in record.left_out}
    listed = inventory(record.code)
    for path in paths:
        text = normal(path)
        name = record.parse(text)
        if record.label_files is not None and record.label_files.search(text):
            labels.append(path)
        elif record.speaker_table is not None and record.speaker_table.files.search(text):
            tables.append(path)
        elif name is None and not text.lower().endswith(_AUDIO):
            continue
        elif not _is_unicode(path):
            unreadable.append(path)
        elif name is None:
            unlisted.append(path)
        elif name.id in known:
            left_out.append((known[name.id], path))
        elif listed is not None and name.id not in listed:
            unlisted.append(path)
        else:
            found.setdefault(name.id, (name, []))[1].append(path)
    if unreadable:
        raise PrepareError(
            f"{record.code}: {len(unreadable)} audio files have names or folders that aren't "
            "UTF-8; rename them (`convmv -f latin1 -t utf8 -r --notest FOLDER` does).",
            [repr(os.fsencode(path)) for path in unreadable],
        )
    ordered = {
        key: (name, tuple(sorted(copies, key=lambda path: (path.count("/"), path))))
        for key, (name, copies) in sorted(found.items())
    }
    return Survey(
        found=ordered,
        left_out=tuple(left_out),
        unlisted=tuple(unlisted),
        labels=tuple(labels),
        hidden=tuple(hidden),
        tables=tuple(tables),
    )


def not_this_corpus(record: Corpus, paths: Sequence[str], source: str) -> PrepareError:
    """The error for a source without utterances of a corpus; names the one it looks like."""
    texts = [normal(path) for path in paths]
    fitting = Counter(
        other.code
        for other in CORPORA.values()
        if other is not record and other.label_table is None  # whose names say nothing
        for text in texts
        if other.parse(text) is not None
    )
    if fitting:
        code, count = fitting.most_common(1)[0]
        return PrepareError(
            f"{source}: not {record.name} ({record.code}): {count} files are named as in "
            f"{CORPORA[code].name}; run `python -m serab.prepare {code}` with it, or give "
            f"{record.name}'s archive or folder."
        )
    audio = [path for path, text in zip(paths, texts, strict=True) if text.lower().endswith(_AUDIO)]
    what = f"{len(audio)} audio files, but none" if audio else "no audio file"
    return PrepareError(
        f"{source}: has {what} named as in {record.name} ({record.code}), such as "
        f"{record.example!r}; give its archive or the folder that it unpacks to.",
        audio[:10],
    )


def _is_unicode(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:  # bytes that aren't UTF-8 arrive as lone surrogates
        return False
    return True
