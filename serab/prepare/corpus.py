"""From an official archive, or a folder in any layout, to a checked index of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serab.corpora import CORPORA, corpus, record_of
from serab.corpora.records import Corpus
from serab.index import CorpusIndex, data_root, write_index
from serab.prepare.errors import PrepareError
from serab.prepare.own import TABLES, Unread, check_parts, read_own
from serab.prepare.sources import find_source, unpack_all
from serab.prepare.staging import staging
from serab.prepare.survey import Survey, not_this_corpus, survey


def prepare(
    code: str,
    sources: Sequence[str | Path],
    root: Path | None = None,
    allow_partial: bool = False,
) -> CorpusIndex:
    """Check a corpus and write its index to `root/CODE` (root: default `data_root()`).

    Archives are unpacked to `root/CODE/audio`; a folder is used where it is. What was prepared
    before stays as it was until the new index is whole.

    Args:
        code: of a corpus, in any case, or a name for one of your own.
        sources: one folder, or the corpus' archives; of your own corpus the tables.
        allow_partial: accept a corpus of which recordings are missing or broken.

    Raises:
        PrepareError: the source isn't the corpus, or isn't all of it; `listing` has the names.
        ArchiveError: an archive that can't be unpacked.
        OSError: no space, no permission.
    """
    paths = [Path(source) for source in sources]
    record = _record(code, paths)
    for source in paths:
        if not source.exists():
            raise PrepareError(f"{source}: no such file or folder; check --source.")
    home = (root or data_root()) / record.code
    source_text = ", ".join(str(source.resolve()) for source in paths)
    if record.own:
        return _index_own(record, paths, home, source_text, allow_partial)
    found = find_source(record, paths)
    if isinstance(found, Survey):
        return _index_in_place(record, paths[0], found, home, source_text, allow_partial)
    return _index_unpacked(record, found, home, source_text, allow_partial)


def _record(code: str, paths: Sequence[Path]) -> Corpus:
    """Of a code; what is none names a corpus of the user's own where the sources are tables."""
    if code.upper() not in CORPORA and all(path.suffix.lower() in TABLES for path in paths):
        return record_of(code.upper())
    try:
        return corpus(code)
    except ValueError as error:
        raise PrepareError(
            f"{str(error).rstrip('.')}, or make one of your own: --source takes a table (CSV, TSV "
            "or parquet) with path, speaker and emotion."
        ) from error


def _index_own(
    record: Corpus, tables: Sequence[Path], home: Path, source: str, allow_partial: bool
) -> CorpusIndex:
    folder = tables[0].parent
    if not all(table.is_file() and table.suffix.lower() in TABLES for table in tables):
        raise PrepareError(
            f"{record.code}: --source takes a table (CSV, TSV or parquet) with the columns path, "
            "speaker and emotion."
        )
    if len({table.parent.resolve() for table in tables}) > 1:
        raise PrepareError(f"{record.code}: its tables lie in several folders; put them into one.")
    unread = Unread()
    entries = [replace(entry, packed=entry.packed and b"") for entry in read_own(tables, unread)]
    notes = (*unread.notes(), *check_parts([entry.name for entry in entries], record.code))
    if all(entry.in_place for entry in entries):
        found = {entry.name.id: (entry.name, (entry.file,)) for entry in entries}
        listed = Survey(dict(sorted(found.items())), notes=notes)
        return _index_in_place(record, folder, listed, home, source, allow_partial)
    from serab.prepare.examine import examine
    from serab.prepare.written import write_recordings

    with staging(home) as stage:
        written = write_recordings(read_own(tables, Unread()), stage.folder, folder)
        found = {name.id: (name, (path,)) for name, path in written}
        surveyed = Survey(dict(sorted(found.items())), notes=notes)
        index, stamps = examine(record, stage.folder, surveyed, allow_partial)
        index = replace(index, root=stage.audio)
        stage.swap_in(lambda: write_index(index, stamps, home, source, unpacked=True))
    return index


def _index_in_place(
    record: Corpus, folder: Path, surveyed: Survey, home: Path, source: str, allow_partial: bool
) -> CorpusIndex:
    # imported here: it takes torch along, which --list and a wrong name needn't wait for
    from serab.prepare.examine import examine

    index, stamps = examine(record, folder.resolve(), surveyed, allow_partial)
    write_index(index, stamps, home, source, unpacked=False)
    return index


def _index_unpacked(
    record: Corpus, archives: Sequence[Path], home: Path, source: str, allow_partial: bool
) -> CorpusIndex:
    from serab.prepare.examine import examine

    with staging(home) as stage:
        names = unpack_all(record, archives, stage.folder)
        surveyed = survey(record, names)
        if not surveyed.found:
            raise not_this_corpus(record, names, ", ".join(map(str, archives)))
        index, stamps = examine(record, stage.folder, surveyed, allow_partial)
        index = replace(index, root=stage.audio)
        stage.swap_in(lambda: write_index(index, stamps, home, source, unpacked=True))
    return index
