"""What a corpus is made from: its archives, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from serab.corpora.records import Corpus
from serab.prepare.archives import below, check_archive, is_archive, unpack
from serab.prepare.errors import PrepareError
from serab.prepare.paths import list_files, normal
from serab.prepare.survey import survey


def archives_of(record: Corpus, sources: Sequence[Path]) -> list[Path]:
    """The archives to unpack; none when the source is a folder that holds the audio itself.

    Raises:
        PrepareError: a file that isn't an archive or not the provider's, or mixed sources.
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
                    check_archive(source, known)
        return list(sources)
    if len(sources) > 1:
        raise PrepareError("--source takes one folder, or one or more archives.")
    names = list_files(sources[0])
    if survey(record, names).found:
        return []
    own = {archive.name for archive in record.archives}
    return [sources[0] / name for name in names if Path(name).name in own]


def unpack_all(record: Corpus, archives: Sequence[Path], folder: Path) -> list[str]:
    """Unpack what a corpus needs of its archives; returns the paths of all that they hold.

    Raises:
        PrepareError: see `unpack`.
    """

    def wanted(path: str) -> bool:
        text = normal(path)
        labels = record.label_files is not None and record.label_files.search(text) is not None
        return labels or record.parse(text) is not None

    names: list[str] = []
    for archive in archives:
        # several archives (female.zip, male.zip) get a folder each, so that equal names can't meet
        own = archive.name.split(".")[0] if len(archives) > 1 else ""
        (folder / own).mkdir(exist_ok=True)
        prefix = f"{own}/" if own else ""
        found = unpack(archive, folder / own, below(prefix, wanted), record.most_bytes)
        names += [prefix + name for name in found]
    return names
