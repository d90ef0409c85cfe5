"""Unpack archives that may be hostile, damaged or nested: wanted files only, inside a folder."""

from __future__ import annotations

import errno
import hashlib
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from serab.prepare.paths import hidden

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_BLOCK = 1 << 20
_DEEPEST = 8  # archives in archives
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,  # of numbers and names that can't be
    LookupError,
    OverflowError,
    RuntimeError,
    AssertionError,
    TypeError,
    MemoryError,
)
"""What Python's zip and tar readers raise on a damaged archive."""

Member = tuple[str, int, Callable[[], IO[bytes]]]
"""Name, bytes when unpacked, and what opens it."""


class ArchiveError(ValueError):
    """An archive that can't or mustn't be unpacked; the message names it and the way out."""


def is_archive(path: str | Path) -> bool:
    """Whether a name ends like an archive that can be unpacked."""
    return str(path).lower().endswith(_SUFFIXES)


def check_archive(path: Path, size: int | None = None, md5: str | None = None) -> None:
    """Hold a file to the provider's size (bytes) and md5 (hex), where they are known.

    Raises:
        ArchiveError: another size or checksum.
    """
    found = path.stat().st_size
    if size is not None and found != size:
        what = "half-downloaded" if found < size else "another file"
        raise ArchiveError(
            f"{path}: {what}, {found} bytes where the provider's has {size}; download it again."
        )
    if md5 is not None and (digest := _md5(path)) != md5:
        raise ArchiveError(
            f"{path}: damaged or another file, its md5 is {digest} and the provider's {md5}; "
            "download it again."
        )


def unpack(
    archive: Path, target: Path, is_wanted: Callable[[str], bool], most: int | None = None
) -> list[str]:
    """Unpack the wanted files of a zip or tar, and of archives inside it, into `target`.

    An inner archive becomes a folder of its name. Nothing is written outside `target`; hidden
    files and macOS' doubles are passed over.

    Args:
        is_wanted: says from a relative path (`/`) if a file is unpacked.
        most: bytes that all of it may take unpacked; None leaves it to the free space.

    Returns:
        Relative paths of all files there are, unpacked or not.

    Raises:
        ArchiveError: not an archive, cut off, damaged, encrypted or packed by a method that
            can't be read, names that lead outside, links, two files with one name, archives nested
            too deep, more than `most`, or too little space.
        OSError: the disk fails.
    """
    return _Unpacking(archive, most).unpack(archive, target, is_wanted, depth=0)


class _Unpacking:
    """One archive and those inside it, which share one limit."""

    def __init__(self, outermost: Path, most: int | None):
        self.outermost, self.most, self.written = outermost, most, 0

    def unpack(
        self, archive: Path, target: Path, is_wanted: Callable[[str], bool], depth: int
    ) -> list[str]:
        if depth > _DEEPEST:
            raise ArchiveError(
                f"{self.outermost}: holds archives in archives, more than {_DEEPEST} deep, which "
                "no corpus' archive does; get the archive from its provider."
            )
        try:
            names, inner = self._files(archive, target, is_wanted)
        except ArchiveError:
            raise
        except NotImplementedError as error:
            raise ArchiveError(
                f"{archive}: packed by a method that can't be read here ({error}; Windows Explorer "
                "packs large folders as Deflate64); unpack it yourself, with 7z or unzip, and give "
                "the folder, or if that fails too, download it again."
            ) from error
        except _DAMAGE as error:
            raise _damaged(archive, error) from error
        except OSError as error:
            if error.errno not in (None, errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ):
                raise  # the disk's fault, not the archive's
            raise _damaged(archive, error) from error
        for name in inner:
            packed = target / name
            folder = _free_folder(packed)
            prefix = folder.relative_to(target).as_posix()
            deeper = self.unpack(packed, folder, below(f"{prefix}/", is_wanted), depth + 1)
            names += [f"{prefix}/{path}" for path in deeper]
            packed.unlink()
        return names

    def _files(
        self, archive: Path, target: Path, is_wanted: Callable[[str], bool]
    ) -> tuple[list[str], list[str]]:
        """Write what is wanted; the names of files, and of archives inside."""
        names: list[str] = []
        inner: list[str] = []
        with _members(archive) as (total, members), _bar(f"unpacking {archive.name}", total) as bar:
            free = shutil.disk_usage(target).free
            for raw, size, read in members:
                bar.update(size)
                name = _safe(raw, archive)
                if any(hidden(part) for part in name.split("/")):
                    continue
                if is_archive(name):
                    inner.append(name)
                else:
                    names.append(name)
                    if not is_wanted(name):
                        continue
                free -= size
                self.written += size
                if self.most is not None and self.written > self.most:
                    raise ArchiveError(
                        f"{self.outermost}: unpacks to more than {self.most / 1e6:,.0f} MB, which "
                        "is more than the corpus has; nothing was kept of it, get the archive from "
                        "its provider, or unpack it yourself and give the folder."
                    )
                if free < 0:
                    raise ArchiveError(
                        f"{archive}: too little space in {target.parent} to unpack it; free some "
                        "or point SERAB_DATA at a larger disk."
                    )
                _copy(read, target / name, archive, name)
        return names, inner


def _damaged(archive: Path, error: Exception) -> ArchiveError:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    reason = " ".join(text.split()) or type(error).__name__
    return ArchiveError(f"{archive}: cut off or damaged ({reason}); download it again.")


def below(prefix: str, is_wanted: Callable[[str], bool]) -> Callable[[str], bool]:
    """`is_wanted` for paths that lack a prefix."""
    return lambda path: is_wanted(prefix + path)


@contextmanager
def _members(archive: Path) -> Iterator[tuple[int, Iterator[Member]]]:
    """Total bytes (0: not known) and the regular files of a zip or tar."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            infos = [info for info in file.infolist() if not info.is_dir()]
            yield sum(i.file_size for i in infos), (_zip_member(file, i, archive) for i in infos)
    elif archive.name.lower().endswith(".zip"):
        raise ArchiveError(
            f"{archive}: half-downloaded or not a zip, its table of contents isn't there; "
            "download it again."
        )
    else:
        with tarfile.open(archive) as file:
            yield 0, _tar_members(file, archive)


def _tar_members(file: tarfile.TarFile, archive: Path) -> Iterator[Member]:
    for info in file:
        if not info.isdir():
            yield _tar_member(file, info, archive)
    # the checksum of a compressed tar stands behind all that tarfile reads
    while file.fileobj is not None and file.fileobj.read(_BLOCK):
        pass


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo, archive: Path) -> Member:
    if (info.external_attr >> 16) & 0o170000 == 0o120000:
        raise _hostile(archive, info.filename, "a link")
    if info.flag_bits & 0x1:
        raise ArchiveError(f"{archive}: is encrypted; unpack it yourself and give the folder.")
    name = info.filename
    if not info.flag_bits & 0x800:  # no word on the encoding: UTF-8 if it can be, else cp437
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name, info.file_size, lambda: file.open(info)


def _tar_member(file: tarfile.TarFile, info: tarfile.TarInfo, archive: Path) -> Member:
    if not info.isreg():
        raise _hostile(archive, info.name, "a link or device")

    def read() -> IO[bytes]:
        content = file.extractfile(info)
        assert content is not None  # a regular file has one
        return content

    return info.name, info.size, read


def _safe(name: str, archive: Path) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    drive = path.parts[:1] and path.parts[0].endswith(":")
    if path.is_absolute() or ".." in path.parts or drive or not path.parts:
        raise _hostile(archive, name, "a path that leads outside")
    return path.as_posix()


def _hostile(archive: Path, name: str, what: str) -> ArchiveError:
    return ArchiveError(
        f"{archive}: holds {what} ({name!r}), which no corpus' archive does; nothing was kept of "
        "it, get the archive from its provider."
    )


def _free_folder(packed: Path) -> Path:
    """A new folder beside an inner archive, of its name without the ending."""
    folder = packed.with_name(packed.name.split(".")[0])
    while folder.exists():  # the archive may have a folder of that name too
        folder = folder.with_name(folder.name + "_")
    folder.mkdir()
    return folder


def _copy(read: Callable[[], IO[bytes]], path: Path, archive: Path, name: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with read() as source, path.open("xb") as file:
            shutil.copyfileobj(source, file, _BLOCK)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ArchiveError(
            f"{archive}: has two files with one name ({name}), or a file and a folder; which one "
            "is right can't be told, download it again, or unpack it yourself and give the folder."
        ) from None


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file, _bar(f"checking {path.name}", path.stat().st_size) as bar:
        while block := file.read(_BLOCK):
            digest.update(block)
            bar.update(len(block))
    return digest.hexdigest()


def _bar(title: str, total: int) -> tqdm:
    return tqdm(
        desc=title, total=total or None, unit="B", unit_scale=True, disable=None, leave=False
    )
