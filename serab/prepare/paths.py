"""The files under a folder, and their paths in one spelling."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Listing:
    """Relative paths (`/`) of the files under a folder, and of hidden folders (trash and macOS'
    doubles among them) that were passed over; hidden files are in neither."""

    files: list[str]
    hidden: list[str]


def list_files(folder: Path) -> Listing:
    """The files under a folder; links are followed.

    Raises:
        OSError: a folder that can't be read.
    """

    def stop(error: OSError) -> None:
        raise error

    paths: list[str] = []
    passed: list[str] = []
    visited: set[str] = set()
    for current, folders, files in os.walk(folder, onerror=stop, followlinks=True):
        real = os.path.realpath(current)
        if real in visited:  # a link that leads back
            folders.clear()
            continue
        visited.add(real)
        relative = os.path.relpath(current, folder).replace(os.sep, "/")
        prefix = "" if relative == "." else relative + "/"
        passed += [prefix + name for name in sorted(folders) if hidden(name)]
        folders[:] = sorted(name for name in folders if not hidden(name))
        paths += [prefix + name for name in sorted(files) if not hidden(name)]
    return Listing(paths, passed)


def normal(path: str) -> str:
    """A path as grammars expect it: NFC, `/`."""
    return unicodedata.normalize("NFC", path).replace("\\", "/")


def hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or one that macOS adds to archives."""
    return name.startswith(".") or name.upper() in ("__MACOSX", "$RECYCLE.BIN")
