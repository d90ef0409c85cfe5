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

from serab.corpora.records import Archive
from serab.prepare.errors import PrepareError
from serab.prepare.paths import hidden

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_BLOCK = 1 << 20
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    LookupError,  # of names and sizes that aren't any
    ArithmeticError,
    RuntimeError,
    MemoryError,
)
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)
"""What an OSError says of the disk; others come of sizes and names that an archive claims."""
_DEEPEST = 4
"""Archives in archives: providers have two, no more."""
_MOST_EXPANSION = 200
"""Times its own size: speech shrinks to a fifth at best, a bomb to a thousandth ..."""
_SMALL = 100_000_000
"""... and what unpacks to fewer bytes does no harm."""

Member = tuple[str, int, Callable[[], IO[bytes]]]
"""Name, bytes when unpacked, and what opens it."""


def is_archive(path: str | Path) -> bool:
    """Whether a name ends like an archive that can be unpacked."""
    return str(path).lower().endswith(_SUFFIXES)


def check_archive(path: Path, known: Archive) -> None:
    """Hold a file to the provider's size and md5, where the record has them.

    Raises:
        PrepareError: another size or checksum.
    """
    size = path.stat().st_size
    if known.size is not None and size != known.size:
        what = "half-downloaded" if size < known.size else "another file"
        raise PrepareError(
            f"{path}: {what}, {size} bytes where the provider's {known.name} has {known.size}; "
            "download it again."
        )
    if known.md5 is not None and (md5 := _md5(path)) != known.md5:
        raise PrepareError(
            f"{path}: damaged or another file, its md5 is {md5} and the provider's {known.md5}; "
            "download it again."
        )


def unpack(
    archive: Path,
    target: Path,
    wanted: Callable[[str], bool],
    most_bytes: int | None = None,
    depth: int = 1,
) -> list[str]:
    """Unpack the wanted files of a zip or tar, and of archives inside it, into `target`.

    An inner archive becomes a folder of its name. Nothing is written outside `target`; hidden
    files and macOS' doubles are passed over.

    Args:
        wanted: says from a relative path (`/`) if a file is unpacked.
        most_bytes: that these can have in all; None where that isn't known.
        depth: of this archive in others.

    Returns:
        Relative paths of all files there are, unpacked or not.

    Raises:
        PrepareError: not an archive, cut off, damaged or encrypted, packed in a way that can't be
            read, names that lead outside, links, two files with one name, archives in archives
            without end, far more than can be in it, or too little space.
        OSError: the disk fails.
    """
    if depth > _DEEPEST:
        raise _hostile(archive, archive.name, f"more than {_DEEPEST} archives inside each other")
    try:
        return _unpack(archive, target, wanted, most_bytes, depth)
    except PrepareError:
        raise
    except NotImplementedError as error:  # Deflate64 of Windows' Explorer, for one
        raise PrepareError(
            f"{archive}: packed in a way that Python can't read ({error}), as Windows packs large "
            "files by Deflate64; unpack it with Windows or 7-Zip and give the folder."
        ) from error
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno in _DISK:
            raise
        reason = str(getattr(error, "strerror", None) or error).partition("\n")[0].rstrip(":")
        raise PrepareError(
            f"{archive}: cut off or damaged ({reason}); download it again."
        ) from error


def _unpack(
    archive: Path,
    target: Path,
    wanted: Callable[[str], bool],
    most_bytes: int | None,
    depth: int,
) -> list[str]:
    names: list[str] = []
    inner: list[str] = []
    unpacked = 0
    bound = max(_SMALL, _MOST_EXPANSION * archive.stat().st_size)
    if most_bytes is not None:
        bound = min(bound, max(_SMALL, most_bytes))
    with _members(archive) as (total, members), _bar(f"unpacking {archive.name}", total) as bar:
        free = shutil.disk_usage(target).free
        for raw, size, read in members:
            bar.update(size)
            name = _safe(raw, archive)
            if any(hidden(part) for part in name.split("/")):
                continue
            if is_archive(name):
                inner.append(name)
            elif wanted(name):
                names.append(name)
            else:
                names.append(name)
                continue
            unpacked += size
            if unpacked > bound:
                raise _hostile(
                    archive,
                    name,
                    f"more than {bound / 1e9:.1f} GB, where {unpacked / 1e9:.1f} GB can't be",
                )
            free -= size
            if free < 0:
                raise PrepareError(
                    f"{archive}: too little space in {target.parent} to unpack it; free some or "
                    "point SERAB_DATA at a larger disk."
                )
            _copy(read, target / name, archive, name)
    for name in inner:
        packed = target / name
        folder = _free_folder(packed)
        prefix = folder.relative_to(target).as_posix()
        deeper = unpack(packed, folder, below(f"{prefix}/", wanted), most_bytes, depth + 1)
        names += [f"{prefix}/{path}" for path in deeper]
        packed.unlink()
    return names


def below(prefix: str, wanted: Callable[[str], bool]) -> Callable[[str], bool]:
    """`wanted` for paths that lack a prefix."""
    return lambda path: wanted(prefix + path)


@contextmanager
def _members(archive: Path) -> Iterator[tuple[int, Iterator[Member]]]:
    """Total bytes (0: not known) and the regular files of a zip or tar."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            infos = [info for info in file.infolist() if not info.is_dir()]
            yield sum(i.file_size for i in infos), (_zip_member(file, i, archive) for i in infos)
    elif archive.name.lower().endswith(".zip"):
        raise PrepareError(
            f"{archive}: half-downloaded or not a zip, its table of contents isn't there; "
            "download it again."
        )
    else:
        with tarfile.open(archive) as file:
            yield 0, (_tar_member(file, info, archive) for info in file if not info.isdir())


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo, archive: Path) -> Member:
    if (info.external_attr >> 16) & 0o170000 == 0o120000:
        raise _hostile(archive, info.filename, "a link")
    if info.flag_bits & 0x1:
        raise PrepareError(f"{archive}: is encrypted; unpack it yourself and give the folder.")
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


def _hostile(archive: Path, name: str, what: str) -> PrepareError:
    return PrepareError(
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
        raise PrepareError(
            f"{archive}: has two files, or a file and a folder, of one name ({name}); which one is "
            "right can't be told, "
            "download it again, or unpack it yourself and give the folder."
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
