"""Unpack archives that may be hostile, damaged or nested: wanted files only, inside a folder."""

from __future__ import annotations

import hashlib
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from serab.records import Corpus
from serab.survey import ARCHIVES, PrepareError

_BLOCK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)


def is_archive(path: str | Path) -> bool:
    """Whether a name ends like an archive that can be unpacked."""
    return str(path).lower().endswith(ARCHIVES)


def check_archive(path: Path, record: Corpus) -> None:
    """Hold an archive to the provider's size and checksum, where the record has them.

    Raises:
        PrepareError: named like a known archive, but another size or checksum.
    """
    known = next((a for a in record.archives if a.name == path.name), None)
    if known is None:
        return
    size = path.stat().st_size
    if known.size is not None and size != known.size:
        what = "half-downloaded" if size < known.size else "another file"
        raise PrepareError(
            f"{path}: {what}, {size} bytes where the provider's has {known.size}; download it "
            "again (--download resumes), or unpack it and give the folder."
        )
    if known.md5 is not None and (md5 := file_md5(path)) != known.md5:
        raise PrepareError(
            f"{path}: its md5 is {md5}, the provider's {known.md5}; download it again, or unpack "
            "it and give the folder."
        )


def file_md5(path: Path) -> str:
    """md5 (hex) of a file, with a progress bar."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file, _bar(f"checking {path.name}", path.stat().st_size) as bar:
        while block := file.read(_BLOCK):
            digest.update(block)
            bar.update(len(block))
    return digest.hexdigest()


def unpack(archive: Path, target: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Unpack the wanted files of a zip or tar, and of archives inside it, into `target`.

    An inner archive becomes a folder of its name. Nothing leaves `target`.

    Args:
        wanted: says from a relative path (`/`) if a file is unpacked.

    Returns:
        Relative paths of all files there are, unpacked or not.

    Raises:
        PrepareError: not an archive, cut off or damaged, names that lead outside, links, two
            files with one name, or too little space.
    """
    try:
        return _unpack(archive, target, wanted)
    except PrepareError:
        raise
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the archive's
        raise PrepareError(
            f"{archive}: cut off or damaged ({error}); download it again."
        ) from error


def _unpack(archive: Path, target: Path, wanted: Callable[[str], bool]) -> list[str]:
    names: list[str] = []
    inner: list[Path] = []
    with _members(archive) as (total, members):
        free = shutil.disk_usage(target).free
        with _bar(f"unpacking {archive.name}", total) as bar:
            for raw, size, read in members:
                bar.update(size)
                name = _safe(raw, archive)
                if any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
                    continue
                names.append(name)
                nested = is_archive(name)
                if not (nested or wanted(name)):
                    continue
                free -= size
                if free < 0:
                    raise PrepareError(
                        f"{archive}: too little space in {target.parent} to unpack it; free some "
                        "or point SERAB_DATA at a larger disk."
                    )
                path = target / name
                _copy(read, path, archive, name)
                if nested:
                    inner.append(path)
    for path in inner:
        folder = path.with_name(path.name.split(".")[0])
        while folder.exists() and not folder.is_dir():
            folder = folder.with_name(folder.name + "_")
        folder.mkdir(parents=True, exist_ok=True)
        prefix = folder.relative_to(target).as_posix()
        names.remove(path.relative_to(target).as_posix())
        deeper = unpack(path, folder, lambda n, p=prefix: wanted(f"{p}/{n}"))
        names += [f"{prefix}/{name}" for name in deeper]
        path.unlink()
    return names


@contextmanager
def _members(archive: Path) -> Iterator[tuple[int, Iterator[tuple[str, int, Callable]]]]:
    """Total bytes, and (name, bytes, opener) of each regular file of a zip or tar."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            infos = [info for info in file.infolist() if not info.is_dir()]
            yield sum(i.file_size for i in infos), (_zip_member(file, i, archive) for i in infos)
        return
    if archive.name.lower().endswith(".zip"):
        raise PrepareError(
            f"{archive}: cut off or not a zip (its table of contents isn't there); a half-finished "
            "download looks like this, download it again."
        )
    with tarfile.open(archive) as file:
        yield 0, (_tar_member(file, info, archive) for info in file if not info.isdir())


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo, archive: Path):
    if (info.external_attr >> 16) & 0o170000 == 0o120000:
        raise _hostile(archive, info.filename, "a link")
    if info.flag_bits & 1:
        raise PrepareError(f"{archive}: is encrypted; unpack it and give the folder.")
    name = info.filename
    if not info.flag_bits & 0x800:  # no word on the encoding: UTF-8 if it is, else as zip reads it
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name, info.file_size, lambda: file.open(info)


def _tar_member(file: tarfile.TarFile, info: tarfile.TarInfo, archive: Path):
    if not info.isreg():
        raise _hostile(archive, info.name, "a link or device")
    return info.name, info.size, lambda: file.extractfile(info)


def _safe(name: str, archive: Path) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise _hostile(archive, name, "a path that leads outside")
    return path.as_posix()


def _hostile(archive: Path, name: str, what: str) -> PrepareError:
    return PrepareError(
        f"{archive}: holds {what} ({name!r}), which no corpus does; it isn't the provider's "
        "archive, nothing was unpacked."
    )


def _copy(read: Callable[[], IO[bytes]], path: Path, archive: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with read() as source, path.open("xb") as file:
            shutil.copyfileobj(source, file, _BLOCK)
    except FileExistsError:
        raise PrepareError(
            f"{archive}: has two files with one name ({name}); which one is right can't be told, "
            "download it again or unpack it and give the folder."
        ) from None


def _bar(title: str, total: int) -> tqdm:
    return tqdm(
        desc=title, total=total or None, unit="B", unit_scale=True, disable=None, leave=False
    )
