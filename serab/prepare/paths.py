"""The files under a folder, and their paths in one spelling."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def list_files(folder: Path) -> list[str]:
    """Relative paths (`/`) of the files under a folder; hidden ones and macOS' doubles left out.

    Raises:
        OSError: a folder that can't be read.
    """

    def stop(error: OSError) -> None:
        raise error

    paths, seen = [], set()
    for where, folders, files in os.walk(folder, onerror=stop, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not hidden(name))
        relative = os.path.relpath(where, folder).replace(os.sep, "/")
        prefix = "" if relative == "." else relative + "/"
        paths += [prefix + name for name in sorted(files) if not hidden(name)]
    return paths


def normal(path: str) -> str:
    """A path as grammars expect it: NFC, `/`."""
    return unicodedata.normalize("NFC", path).replace("\\", "/")


def hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or one that macOS adds to archives."""
    return name.startswith(".") or name == "__MACOSX"
