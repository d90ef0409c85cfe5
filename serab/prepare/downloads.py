"""Download an archive once: resumed where it stopped, checked, under its name only when whole."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from serab.corpora import corpus
from serab.corpora.records import Access, Archive
from serab.index import data_root
from serab.prepare.archives import ArchiveError, check_archive
from serab.prepare.errors import PrepareError

_BLOCK = 1 << 18
_TIMEOUT = 60  # seconds without a byte


def download(archive: Archive, folder: Path) -> Path:
    """Fetch an archive into `folder`, or take it from there if it is whole already.

    What arrives before a break is kept in `NAME.part` and the next call goes on from there, unless
    the file changed at its provider meanwhile.

    Returns:
        Where the archive is, checked against the provider's size and md5 where they are known.

    Raises:
        PrepareError: no direct link, unreachable, cut off, no space.
        ArchiveError: another size or checksum.
    """
    if archive.url is None:
        raise PrepareError(f"{archive.name}: its provider offers no direct link.")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / archive.name
    if target.is_file():
        check_archive(target, archive.size, archive.md5)
        return target
    part = folder / f"{archive.name}.part"
    try:
        _fetch(archive, archive.url, part)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as e:
        reason = getattr(e, "reason", None) or e
        raise PrepareError(
            f"{archive.url}: download stopped ({reason}); run the same command again, it resumes. "
            f"Or download it otherwise, to {target}."
        ) from e
    try:
        check_archive(part, archive.size, archive.md5)
    except ArchiveError:
        part.unlink()
        _stamp(part).unlink(missing_ok=True)
        raise
    os.replace(part, target)
    _stamp(part).unlink(missing_ok=True)
    return target


def _fetch(archive: Archive, url: str, part: Path) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "serab-prepare"})
    have = part.stat().st_size if part.is_file() else 0
    version = _read_version(part)
    if have and version:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", version)  # the server sends all of it if it changed
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing left to send: it is all there, or longer than it should be
            raise
        all_of_it = (error.headers.get("Content-Range") or "").rpartition("/")[2]
        if all_of_it == str(have):
            return
        part.unlink()
        return _fetch(archive, url, part)
    with response:
        resumed = response.status == 206
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        if total is not None and total - have > shutil.disk_usage(part.parent).free:
            raise PrepareError(
                f"{part.parent}: too little space for {archive.name} ({total} bytes); free some "
                "or point SERAB_DATA at a larger disk."
            )
        version = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        _stamp(part).write_text(json.dumps({"version": version}), encoding="utf-8")
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(
                desc=archive.name,
                initial=have,
                total=total,
                unit="B",
                unit_scale=True,
                disable=None,
            ) as bar,
        ):
            while block := response.read(_BLOCK):
                file.write(block)
                bar.update(len(block))
            file.flush()
            os.fsync(file.fileno())
    got = part.stat().st_size
    if total is not None and got < total:
        raise ConnectionError(f"{got} of {total} bytes arrived")


def _stamp(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_version(part: Path) -> str | None:
    """The provider's mark of the file that `part` is the beginning of; weak ones don't count."""
    try:
        version = json.loads(_stamp(part).read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if not version or version.startswith("W/") else version


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
