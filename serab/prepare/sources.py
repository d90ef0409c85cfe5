"""What a corpus is made from: its archives, or a folder that is surveyed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from serab.corpora.records import Corpus
from serab.prepare.archives import below, check_archive, is_archive, unpack
from serab.prepare.errors import PrepareError
from serab.prepare.paths import list_files, normal
from serab.prepare.survey import Survey, not_this_corpus, survey


def find_source(record: Corpus, sources: Sequence[Path]) -> list[Path] | Survey:
    """The archives to unpack, or the survey of a folder that holds the audio itself.

    Raises:
        PrepareError: a file that isn't an archive, mixed sources, or nothing of the corpus there.
        ArchiveError: an archive that isn't the provider's.
    """
    if all(source.is_file() for source in sources):
        for source in sources:
            if not is_archive(source):
                raise PrepareError(
                    f"{source}: neither an archive (zip, tar, tar.gz) nor a folder; give "
                    f"{record.name}'s archive or the folder that it unpacks to."
                )
            for known in record.archives:
                if known.name == source.name:
                    check_archive(source, known.size, known.md5)
        return list(sources)
    if len(sources) > 1:
        raise PrepareError("--source takes one folder, or one or more archives.")
    listing = list_files(sources[0])
    surveyed = survey(record, listing.files, listing.hidden)
    if surveyed.found:
        return surveyed
    known_names = {archive.name for archive in record.archives}
    archives = [sources[0] / name for name in listing.files if Path(name).name in known_names]
    if not archives:
        raise not_this_corpus(record, listing.files, str(sources[0]))
    return archives


def unpack_all(record: Corpus, archives: Sequence[Path], folder: Path) -> list[str]:
    """Unpack what a corpus needs of its archives; returns the paths of all that they hold.

    Raises:
        ArchiveError: see `unpack`.
    """

    def is_wanted(path: str) -> bool:
        text = normal(path)
        table = record.speaker_table
        patterns = (record.label_files, table.files if table is not None else None)
        if any(pattern is not None and pattern.search(text) for pattern in patterns):
            return True
        return record.parse(text) is not None

    names: list[str] = []
    for archive in archives:
        # several archives (female.zip, male.zip) get a folder each, so that equal names can't meet
        subfolder = archive.name.split(".")[0] if len(archives) > 1 else ""
        (folder / subfolder).mkdir(exist_ok=True)
        prefix = f"{subfolder}/" if subfolder else ""
        found = unpack(archive, folder / subfolder, below(prefix, is_wanted), record.most_bytes)
        names += [prefix + name for name in found]
    return names
