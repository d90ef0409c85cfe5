"""From an official archive, or a folder in any layout, to a checked index of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serab.corpora import corpus
from serab.corpora.records import Corpus
from serab.index import CorpusIndex, data_root, write_index
from serab.prepare.errors import PrepareError
from serab.prepare.labels import read_custom
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
        sources: one folder, or the corpus' archives; for CUSTOM the CSV.
        allow_partial: accept a corpus of which recordings are missing or broken.

    Raises:
        PrepareError: the source isn't the corpus, or isn't all of it; `listing` has the names.
        ArchiveError: an archive that can't be unpacked.
        OSError: no space, no permission.
    """
    record = corpus(code)
    paths = [Path(source) for source in sources]
    for source in paths:
        if not source.exists():
            raise PrepareError(f"{source}: no such file or folder; check --source.")
    home = (root or data_root()) / record.code
    source_text = ", ".join(str(source.resolve()) for source in paths)
    if record.code == "CUSTOM":
        if len(paths) != 1 or not paths[0].is_file():
            raise PrepareError("CUSTOM: --source takes one CSV (path, speaker, emotion).")
        listed = Survey(read_custom(paths[0]))
        return _index_in_place(record, paths[0].parent, listed, home, source_text, allow_partial)
    found = find_source(record, paths)
    if isinstance(found, Survey):
        return _index_in_place(record, paths[0], found, home, source_text, allow_partial)
    return _index_unpacked(record, found, home, source_text, allow_partial)


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
