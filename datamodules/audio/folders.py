"""Which audio files a folder tree holds, told by their endings; what is passed over is said."""

from __future__ import annotations

import os
from pathlib import Path

from datamodules.audio.kinds import SUFFIXES

_TRASH = (
    "__macosx",
    "@eadir",
    "#recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
)
"""Folders, lower case, that systems keep for themselves."""


def walk_audio(root: Path) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Audio files by their ending, sorted; folders that can't be read; what is passed over."""
    found: list[str] = []
    unreadable: dict[str, str] = {}
    passed_over: dict[str, str] = {}

    def note(error: OSError) -> None:
        path = Path(error.filename or root).relative_to(root).as_posix()
        reason = f"unreadable folder ({error.strerror}); give yourself the right to read it."
        unreadable[shown_path(path)] = reason

    visited = set()
    for folder, below, names in os.walk(root, followlinks=True, onerror=note):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            below.clear()  # a link that leads back
            continue
        visited.add((status.st_dev, status.st_ino))
        here = Path(folder).relative_to(root)
        hidden = [name for name in below if name.startswith(".") or name.lower() in _TRASH]
        for name in hidden:
            below.remove(name)
            shown = shown_path((here / name).as_posix())
            passed_over[shown] = "hidden folder, or one for trash; not looked into."
        for name in names:
            if not name.lower().endswith(SUFFIXES):
                continue
            path = (here / name).as_posix()
            if name.startswith("."):
                passed_over[shown_path(path)] = "hidden file, such as a Mac's shadow of another."
            else:
                found.append(path)
    return sorted(found), unreadable, passed_over


def shown_path(path: str) -> str:
    """A path with bytes that aren't UTF-8 escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
