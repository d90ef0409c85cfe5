"""A corpus' archives from their provider: downloaded once, resumed, checked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from datamodules import downloads
from serab.corpora import corpus
from serab.corpora.records import Access, Archive
from serab.index import data_root
from serab.prepare.archives import check_archive
from serab.prepare.errors import PrepareError


def download(archive: Archive, folder: Path) -> Path:
    """Fetch an archive into `folder`, or take it from there if it is whole already.

    Returns:
        Where the archive is, checked against the provider's size and md5 where they are known.

    Raises:
        PrepareError: no direct link, unreachable, cut off, no space.
        ArchiveError: another size or checksum.
    """
    if archive.url is None:
        raise PrepareError(f"{archive.name}: its provider offers no direct link.")
    check = partial(check_archive, size=archive.size, md5=archive.md5)
    try:
        return downloads.download(archive.url, folder / archive.name, check)
    except downloads.DownloadError as error:
        raise PrepareError(str(error)) from error


def fetch(code: str, root: Path | None = None) -> list[Path]:
    """Download a corpus' archives to `root/downloads/CODE`, where its provider allows it.

    Raises:
        PrepareError: it has to be got by hand (the message says where), or the download fails.
    """
    record = corpus(code)
    if record.access is Access.RESTRICTED:
        raise PrepareError(
            f"{record.name} is given out on request only: register at {record.homepage}, then run "
            f"`python -m serab.prepare {record.code} --source ARCHIVE_OR_FOLDER`."
        )
    if not record.downloadable:
        source = record.homepage or "nowhere else"
        hint = "".join(f" ({note})" for note in record.notes if "clone" in note)
        raise PrepareError(
            f"{record.name} has no direct link: get it from {source}{hint}, then run "
            f"`python -m serab.prepare {record.code} --source ARCHIVE_OR_FOLDER`."
        )
    folder = (root or data_root()) / "downloads" / record.code
    return [download(archive, folder) for archive in record.archives]
