"""Split lists: speakers, sentences and recordings that parts share, and who is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serab.analyses.lists import Fold, Row, folds, list_files, read_list
from serab.corpora import CORPORA
from serab.corpora.inventory import inventory
from serab.corpora.records import Corpus
from serab.index import CorpusIndex, load_index, prepared
from serab.report.page import Table
from serab.report.words import DASH

HEADER = (
    "corpus",
    "folds",
    "utterances",
    "test speakers in training",
    "test sentences in training",
    "recordings in two parts",
    "validation",
    "its speakers in training",
    "missing",
    "foreign",
)


@dataclass(frozen=True)
class Person:
    """What is known of a listed utterance; `content` is its recording's SHA-256, or its id."""

    id: str
    speaker: str
    text: str | None
    content: str


@dataclass(frozen=True)
class FoldAudit:
    """One fold: (shared, of test) speakers and sentences, None where they aren't known.

    `validation_speakers` are (shared with training, of validation), None without such a part.
    """

    name: str
    sizes: tuple[int, int, int]
    speakers: tuple[int, int]
    sentences: tuple[int, int] | None
    recordings: tuple[str, ...]
    validation_speakers: tuple[int, int] | None


@dataclass(frozen=True)
class Audit:
    """What one corpus' lists are.

    `missing` are utterances of the corpus that no part has: their ids, or their number where no
    list of the corpus' utterances is known. `foreign` are names that are none of its utterances.
    """

    code: str
    utterances: int
    folds: tuple[FoldAudit, ...]
    divisions: tuple[Fold, ...]
    missing: tuple[str, ...] | int | None
    foreign: tuple[str, ...]
    left_out: tuple[str, ...]
    by_content: bool

    @property
    def row(self) -> tuple[str, ...]:
        """In the table of corpora."""
        first = self.folds[0].validation_speakers
        missing = self.missing if isinstance(self.missing, int | None) else len(self.missing)
        sentences = [f.sentences for f in self.folds if f.sentences is not None]
        validation = [f.validation_speakers for f in self.folds if f.validation_speakers]
        return (
            f"{CORPORA[self.code].name} ({self.code})",
            str(len(self.folds)),
            str(self.utterances),
            _pairs([f.speakers for f in self.folds]),
            _pairs(sentences),
            str(max(len(f.recordings) for f in self.folds)) + ("" if self.by_content else " *"),
            "none listed" if first is None else str(self.folds[0].sizes[1]),
            _pairs(validation),
            DASH if missing is None else str(missing),
            str(len(self.foreign) + len(self.left_out)),
        )

    @property
    def remarks(self) -> list[str]:
        """Sentences that name what the table counts."""
        lines = []
        if isinstance(self.missing, tuple) and self.missing:
            lines.append(f"{self.code}: no part has {_some(self.missing)}.")
        if self.left_out:
            lines.append(
                f"{self.code}: listed, and left out of the list that the published scores are "
                f"computed on: {_some(self.left_out)}."
            )
        if self.foreign:
            lines.append(f"{self.code}: none of its utterances: {_some(self.foreign)}.")
        for fold in self.folds:
            if fold.recordings:
                lines.append(
                    f"{self.code}, fold {fold.name}: in two parts: {_some(fold.recordings)}."
                )
        return lines


def audit(paths: Sequence[Path], code: str | None = None) -> list[Audit]:
    """Audit the split lists in some files or folders.

    Args:
        code: of their corpus; by default each file's is the one whose names it has.

    Raises:
        ValueError: no lists, rows that can't be read, or no row that names an utterance.
    """
    by_corpus: dict[str, list[tuple[Path, list[Row]]]] = defaultdict(list)
    for path in list_files(paths):
        rows = read_list(path)
        found = _corpus_of(path, rows) if code is None else _checked(path, rows, code)
        by_corpus[found].append((path, rows))
    return [audit_folds(code, folds(files)) for code, files in sorted(by_corpus.items())]


def audit_folds(code: str, divisions: Sequence[Fold], root: Path | None = None) -> Audit:
    """Audit the folds of one corpus; by content where the corpus is prepared, or else by names."""
    record = CORPORA[code]
    index = load_index(code, root) if code in prepared(root) else None
    people = known_people(
        record, index, (n for f in divisions for p in f.parts.values() for n in p)
    )
    unknown = [
        name
        for fold in divisions
        for part in fold.parts.values()
        for name in part
        if name not in people
    ]
    names = {name: record.parse(_as_path(name)) for name in dict.fromkeys(unknown)}
    ids = {item.id for item in record.left_out}
    left_out = tuple(name for name, parsed in names.items() if parsed and parsed.id in ids)
    foreign = tuple(name for name in names if name not in left_out)
    everyone = {u.id for u in index.utterances} if index is not None else inventory(code)
    listed = {person.id for person in people.values()}
    missing: tuple[str, ...] | int | None
    if everyone is not None:
        missing = tuple(sorted(everyone - listed - ids))
    else:
        missing = None if record.utterances is None else max(0, record.utterances - len(listed))
    audited = tuple(_audit_fold(fold, people) for fold in divisions)
    return Audit(
        code,
        len(listed),
        audited,
        tuple(divisions),
        missing,
        foreign,
        left_out,
        index is not None,
    )


def known_people(
    record: Corpus, index: CorpusIndex | None, names: Iterable[str]
) -> dict[str, Person]:
    """By name as listed, those that are utterances of the corpus."""
    people = {}
    utterances = {} if index is None else {u.id: u for u in index.utterances}
    listed = inventory(record.code)
    left_out = {item.id for item in record.left_out}
    for name in dict.fromkeys(names):
        parsed = record.parse(_as_path(name))
        if parsed is None or parsed.id in left_out:
            continue
        if index is not None:
            utterance = utterances.get(parsed.id)
            if utterance is not None:
                people[name] = Person(
                    parsed.id, utterance.speaker, utterance.text, utterance.sha256
                )
        elif listed is None or parsed.id in listed:
            people[name] = Person(parsed.id, parsed.speaker, parsed.text, parsed.id)
    return people


def table(audits: Sequence[Audit]) -> Table:
    """All corpora in one table."""
    caption = (
        "Shared of all in the test part, from the fold with the fewest to the one with the most. "
        "*: told by file names, as the corpus isn't prepared; else by the recordings' content. "
        f"{DASH}: not known."
    )
    return Table(HEADER, tuple(found.row for found in audits), caption)


def _audit_fold(fold: Fold, people: Mapping[str, Person]) -> FoldAudit:
    parts = {
        part: [people[name] for name in names if name in people]
        for part, names in fold.parts.items()
    }
    training = [*parts["train"], *parts["validation"]]
    known = all(p.text is not None for members in parts.values() for p in members)
    owners: dict[str, set[str]] = defaultdict(set)
    counts: Counter[tuple[str, str]] = Counter()
    for part, members in parts.items():
        for person in members:
            owners[person.content].add(part)
            counts[part, person.id] += 1
    twice = {content for content, where in owners.items() if len(where) > 1}
    ids = {p.id for members in parts.values() for p in members if p.content in twice}
    ids |= {utterance for (_, utterance), count in counts.items() if count > 1}
    validation = {p.speaker for p in parts["validation"]}
    return FoldAudit(
        fold.name,
        (len(parts["train"]), len(parts["validation"]), len(parts["test"])),
        _shared((p.speaker for p in training), (p.speaker for p in parts["test"])),
        _shared((p.text for p in training), (p.text for p in parts["test"])) if known else None,
        tuple(sorted(ids)),
        _shared((p.speaker for p in parts["train"]), validation) if validation else None,
    )


def _shared(training: Iterable, asked: Iterable) -> tuple[int, int]:
    asked = set(asked)
    return len(asked & set(training)), len(asked)


def _pairs(pairs: Sequence[tuple[int, int]]) -> str:
    if not pairs:
        return DASH
    low, high = min(pairs, key=lambda p: p[0] / max(p[1], 1)), max(pairs)
    texts = [f"{shared} of {total}" for shared, total in (low, high)]
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def _corpus_of(path: Path, rows: Sequence[Row]) -> str:
    fits = {
        code: sum(record.parse(_as_path(row.name)) is not None for row in rows)
        for code, record in CORPORA.items()
    }
    best = max(fits, key=lambda code: fits[code])
    if 2 * fits[best] < len(rows):
        raise ValueError(
            f"{path}: fits no corpus ({rows[0].name!a}); name it by --task, one of "
            f"{', '.join(CORPORA)}."
        )
    return best


def _checked(path: Path, rows: Sequence[Row], code: str) -> str:
    code = code.upper()
    if code not in CORPORA:
        raise ValueError(f"--task {code}: expected one of {', '.join(CORPORA)}.")
    if not any(CORPORA[code].parse(_as_path(row.name)) for row in rows):
        raise ValueError(
            f"{path}: none of its {len(rows)} rows names an utterance of {code}, the first is "
            f"{rows[0].name!a}; expected names such as {CORPORA[code].example}."
        )
    return code


def _as_path(name: str) -> str:
    """Names without a file's ending are taken for such as have one."""
    return (
        name if Path(name).suffix.lower() in (".wav", ".flac", ".aif", ".aiff") else f"{name}.wav"
    )


def _some(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
