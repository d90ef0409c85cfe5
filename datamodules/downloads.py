"""Download a file once: resumed where it stopped, checked, under its name only when whole."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

_BLOCK = 1 << 18
_TIMEOUT = 60  # seconds without a byte
_BREAKS = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError)


class DownloadError(ValueError):
    """A file that didn't arrive; the message names its address, the cause and the way out."""


def download(
    url: str, target: Path, check: Callable[[Path], None], largest: int | None = None
) -> Path:
    """Fetch a file to `target`, or leave it there if it is whole already.

    What arrives before a break is kept in `NAME.part` and the next call goes on from there, unless
    the file changed at its provider meanwhile. Several processes may ask for one file.

    Args:
        check: raises ValueError for a file that isn't the one that is meant; what was downloaded
            is then removed, what lay there already is left.
        largest: bytes that a provider may send; more is refused before the disk fills up.

    Raises:
        DownloadError: unreachable, cut off, too large, no space.
        ValueError: what `check` raises.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    if target.is_file():
        check(target)
        return target
    with _alone(target.parent):
        if target.is_file():  # another process had it meanwhile
            check(target)
            return target
        try:
            _fetch(url, part, largest)
        except _BREAKS as error:
            reason = getattr(error, "reason", None) or error
            raise DownloadError(
                f"{url}: download stopped ({reason}); run the same command again, it resumes. Or "
                f"download it otherwise, to {target}."
            ) from error
        try:
            check(part)
        except ValueError:
            part.unlink()
            _stamp(part).unlink(missing_ok=True)
            raise
        os.replace(part, target)
        _stamp(part).unlink(missing_ok=True)
    return target


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time downloads to a folder; a killed one holds nothing."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _fetch(url: str, part: Path, largest: int | None) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "serab"})
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
        return _fetch(url, part, largest)
    with response:
        resumed = response.status == 206
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        _check_room(url, part, have, total, largest)
        version = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        _stamp(part).write_text(json.dumps({"version": version}), encoding="utf-8")
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(
                desc=part.stem,
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
                _check_room(url, part, file.tell(), None, largest)
            file.flush()
            os.fsync(file.fileno())
    got = part.stat().st_size
    if total is not None and got < total:
        raise ConnectionError(f"{got} of {total} bytes arrived")


def _check_room(url: str, part: Path, have: int, total: int | None, largest: int | None) -> None:
    if largest is not None and (total or have) > largest:
        part.unlink(missing_ok=True)
        raise DownloadError(
            f"{url}: sends {total or have} bytes or more where at most {largest} were expected; "
            "it is another file, nothing was kept of it."
        )
    if total is not None and total - have > shutil.disk_usage(part.parent).free:
        raise DownloadError(
            f"{part.parent}: too little space for {part.stem} ({total} bytes); free some or "
            "choose a larger disk (SERAB_DATA for corpora, XDG_CACHE_HOME for weights)."
        )


def _stamp(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_version(part: Path) -> str | None:
    """The provider's mark of the file that `part` is the beginning of; weak ones don't count."""
    try:
        version = json.loads(_stamp(part).read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if not version or version.startswith("W/") else version
