"""A prepared corpus on disk: a checked list of utterances that refuses to be stale or edited."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from datamodules.files import write_whole
from serab.corpora import CORPORA, Corpus

FORMAT = 2
"""Format 1 had digests that didn't tell a partial corpus from a whole one."""
_FIELDS = (
    "id",
    "path",
    "speaker",
    "group",
    "emotion",
    "seconds",
    "sha256",
    "valence",
    "arousal",
)
_METADATA = ("sex", "age", "language", "text", "part")
"""Not in indexes of before, and no part of the digest, but for official parts."""
COLUMNS = (*_FIELDS, "bytes", "mtime_ns", *_METADATA)  # bytes and time tell if the audio changed
_TYPES = {
    "code": str,
    "audio": str,
    "unpacked": bool,
    "emotions": list,
    "partial": bool,
    "missing": list,
    "corrupt": list,
    "notes": list,
    "digest": str,
    "index_sha256": str,
}
_KINDS = {str: "text", bool: "true or false", list: "a list of texts"}
_IDENTITY = ("id", "speaker", "group", "emotion", "seconds", "sha256", "valence", "arousal")


class CorpusIndexError(ValueError):
    """A corpus that isn't prepared, or no longer what was prepared; the message says what to do."""


@dataclass(frozen=True)
class Utterance:
    """One recording. `path` is relative to the index root (`/`); `seconds` is its duration;
    `group` is the id by which the released protocol splits, equal to the true `speaker` but for
    SHE and IEM; `sha256` is of the file; valence and arousal are IEMOCAP's, from 1 to 5. None
    stands for what the corpus doesn't say: `sex` (female, male), `age` in years, `language`,
    `text`, the sentence or the corpus' own code of it, and `part`, the official one (train,
    validation, test)."""

    id: str
    path: str
    speaker: str
    group: str
    emotion: str
    seconds: float
    sha256: str
    valence: float | None = None
    arousal: float | None = None
    sex: str | None = None
    age: float | None = None
    language: str | None = None
    text: str | None = None
    part: str | None = None


@dataclass(frozen=True)
class CorpusIndex:
    """A prepared corpus; `utterances` are sorted by id, so their order is that of any copy.

    `missing` and `corrupt` name what a partial corpus lacks; `notes` are for the reader.
    """

    code: str
    root: Path
    emotions: tuple[str, ...]
    utterances: tuple[Utterance, ...]
    partial: bool = False
    missing: tuple[str, ...] = ()
    corrupt: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) over all that results depend on; paths aren't part of it."""
        text = self._labels
        if self.partial:  # only then, so that a whole corpus keeps the digest of format 1
            lacking = [list(self.missing), list(self.corrupt)]
            text += f"partial {json.dumps(lacking)}\n"
        return _sha256(text.encode("utf-8", "surrogatepass"))

    @cached_property
    def first_digest(self) -> str:
        """The digest as format 1 had it, which didn't tell a partial corpus from a whole one."""
        return _sha256(self._labels.encode("utf-8", "surrogatepass"))

    @cached_property
    def _labels(self) -> str:
        rows = (_row(u) for u in self.utterances)
        text = "\n".join("\t".join(row[c] for c in _IDENTITY) for row in rows)
        if any(u.part for u in self.utterances):
            text += f"\nparts {' '.join(u.part or '-' for u in self.utterances)}"
        return f"{' '.join(self.emotions)}\n{text}\n"

    @property
    def has_parts(self) -> bool:
        """Whether the corpus comes divided into training and test."""
        return any(u.part for u in self.utterances)

    def audio(self, utterance: Utterance) -> Path:
        """Where the recording of an utterance is."""
        return self.root / utterance.path


@dataclass(frozen=True)
class Stamp:
    """Size (bytes) and modification time (ns) of a recording when it was checked."""

    bytes: int
    mtime_ns: int


def data_root() -> Path:
    """Where prepared corpora live: `$SERAB_DATA`, or `./data`."""
    return Path(os.environ.get("SERAB_DATA") or "data")


def prepared(root: Path | None = None) -> list[str]:
    """Codes of the corpora that have an index under `root` (default `data_root()`), sorted."""
    return sorted(p.parent.name for p in (root or data_root()).glob("*/index.json"))


def write_index(
    index: CorpusIndex, stamps: Sequence[Stamp], folder: Path, source: str, unpacked: bool
) -> None:
    """Write `index.csv` and `index.json` into `folder`, both whole or not at all.

    `stamps` belong to `index.utterances`; `unpacked` says that the audio lies in `folder/audio`
    because this package put it there.
    """
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for utterance, stamp in zip(index.utterances, stamps, strict=True):
        stamped = {"bytes": stamp.bytes, "mtime_ns": stamp.mtime_ns}
        writer.writerow(_row(utterance) | stamped)
    text = table.getvalue().encode()
    about = {
        "format": FORMAT,
        "code": index.code,
        "source": source,
        "audio": "audio" if unpacked else str(index.root),
        "unpacked": unpacked,
        "emotions": index.emotions,
        "utterances": len(index.utterances),
        "partial": index.partial,
        "missing": index.missing,
        "corrupt": index.corrupt,
        "notes": index.notes,
        "digest": index.digest,
        "index_sha256": _sha256(text),
    }
    write_whole(folder / "index.csv", text)
    write_whole(
        folder / "index.json", (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode()
    )


def load_index(code: str, root: Path | None = None) -> CorpusIndex:
    """Read a prepared corpus and check that it still is what was prepared.

    A recording whose size or time changed is hashed again: a copied corpus is as good as the
    original, one whose audio changed is refused.

    Raises:
        CorpusIndexError: not prepared, index edited or damaged, audio gone or changed.
    """
    code = code.upper()
    folder = (root or data_root()) / code
    advice = f"run `python -m serab.prepare {code} --source ...` again"
    about = _read_about(folder, code, advice)
    try:
        text = (folder / "index.csv").read_bytes()
    except OSError as error:
        raise CorpusIndexError(f"{folder / 'index.csv'}: can't be read; {advice}.") from error
    if _sha256(text) != about["index_sha256"]:
        raise CorpusIndexError(
            f"{folder / 'index.csv'}: was changed after it was prepared (its checksum isn't the "
            f"one in index.json); {advice}."
        )
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    audio = folder / "audio" if about["unpacked"] else Path(about["audio"])
    if not audio.is_dir():
        raise CorpusIndexError(f"{code}: its audio folder {audio} has gone; {advice}.")
    index = CorpusIndex(
        code=code,
        root=audio,
        emotions=tuple(about["emotions"]),
        utterances=tuple(_utterance(row, CORPORA.get(code)) for row in rows),
        partial=about["partial"],
        missing=tuple(about["missing"]),
        corrupt=tuple(about["corrupt"]),
        notes=tuple(about["notes"]),
    )
    digest, pretends = index.digest, False
    if about["format"] == 1:  # its digest didn't hold whether the corpus is whole
        total = CORPORA[code].utterances if code in CORPORA else None
        digest = index.first_digest
        pretends = not index.partial and total not in (None, len(index.utterances))
    if digest != about["digest"] or about["code"] != code or pretends:
        raise CorpusIndexError(f"{folder / 'index.json'}: was changed by hand; {advice}.")
    _check_audio(index, rows, advice)
    return index


def read_about(folder: Path) -> dict | None:
    """What `index.json` in `folder` says; None when there is none or it can't be understood."""
    try:
        about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    known = isinstance(about, dict) and about.get("format") in (1, FORMAT)
    return about if known and type(about["format"]) is int else None


def _read_about(folder: Path, code: str, advice: str) -> dict:
    if not (folder / "index.json").is_file():
        raise CorpusIndexError(
            f"{code} isn't prepared in {folder.parent} (SERAB_DATA chooses the place); run "
            f"`python -m serab.prepare {code} --source ARCHIVE_OR_FOLDER`."
        )
    about = read_about(folder)
    damaged = f"{folder / 'index.json'}: damaged or of another version"
    if about is None or not _TYPES.keys() <= about.keys():
        raise CorpusIndexError(f"{damaged}; {advice}.")
    for key, kind in _TYPES.items():
        value = about[key]
        fits = isinstance(value, kind)
        if isinstance(value, list):
            fits = fits and all(isinstance(item, str) for item in value)
        if not fits:
            raise CorpusIndexError(
                f"{damaged}: {key} is {json.dumps(value)[:60]}, expected {_KINDS[kind]}; {advice}."
            )
    return about


def _check_audio(index: CorpusIndex, rows: list[dict[str, str]], advice: str) -> None:
    for utterance, row in zip(index.utterances, rows, strict=True):
        path = index.audio(utterance)
        try:
            stat = path.stat()
        except OSError as error:
            raise CorpusIndexError(f"{path}: has gone since it was indexed; {advice}.") from error
        if stat.st_size == int(row["bytes"]) and stat.st_mtime_ns == int(row["mtime_ns"]):
            continue
        if stat.st_size != int(row["bytes"]) or _sha256(path.read_bytes()) != utterance.sha256:
            raise CorpusIndexError(
                f"{path}: changed since it was indexed, the index is older than the audio; "
                f"{advice}."
            )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _row(utterance: Utterance) -> dict[str, str]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.6f}"

    return {
        "id": utterance.id,
        "path": utterance.path,
        "speaker": utterance.speaker,
        "group": utterance.group,
        "emotion": utterance.emotion,
        "seconds": number(utterance.seconds),
        "sha256": utterance.sha256,
        "valence": number(utterance.valence),
        "arousal": number(utterance.arousal),
        "sex": utterance.sex or "",
        "age": "" if utterance.age is None else f"{utterance.age:g}",
        "language": utterance.language or "",
        "text": utterance.text or "",
        "part": utterance.part or "",
    }


def _utterance(row: dict[str, str], record: Corpus | None) -> Utterance:
    values: dict = {column: row[column] for column in _FIELDS}
    if "text" in row:
        values |= {column: row.get(column) or None for column in _METADATA}
    elif record is not None and (name := record.parse(row["path"])) is not None:
        values |= {column: getattr(name, column) for column in _METADATA}
    for column in ("seconds", "valence", "arousal", "age"):
        values[column] = float(values[column]) if values.get(column) else None
    return Utterance(**values)
