"""New audio takes the old one's place in one step, or not at all; a killed run is cleaned up."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serab.prepare.errors import PrepareError

_MARK = ".unpacked-by-serab"  # only folders with this file in them are ever replaced


@dataclass(frozen=True)
class Stage:
    """`folder` is to unpack into, `audio` where it goes when all is well."""

    folder: Path
    audio: Path

    def swap_in(self, write: Callable[[], None]) -> None:
        """Put the new audio in the old one's place and `write` its index; the old one comes back
        if that fails."""
        (self.folder / _MARK).touch()
        old = self.audio.with_name(".replaced")
        shutil.rmtree(old, ignore_errors=True)
        if self.audio.exists():
            self.audio.rename(old)
        try:
            self.folder.rename(self.audio)
            write()
        except BaseException:
            if self.audio.exists():
                self.audio.rename(self.folder)
            if old.exists():
                old.rename(self.audio)
            raise
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def staging(home: Path) -> Iterator[Stage]:
    """A place to unpack into beside `home/audio`; whatever happens, it is gone afterwards.

    Raises:
        PrepareError: `home/audio` exists and isn't this command's to replace.
    """
    made = not home.exists()
    home.mkdir(parents=True, exist_ok=True)
    _clean_up(home)
    audio = home / "audio"
    if audio.exists() and not (audio / _MARK).is_file():
        raise PrepareError(
            f"{audio}: exists, and wasn't unpacked by this command; move it away, or use it by "
            f"--source {audio}."
        )
    folder = Path(tempfile.mkdtemp(dir=home, prefix=f".unpacking-{os.getpid()}-"))
    folder.chmod(0o755)
    try:
        yield Stage(folder, audio)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if made:
            shutil.rmtree(home, ignore_errors=True)
        raise


def _clean_up(home: Path) -> None:
    """Undo what a killed run left: its half-unpacked folder, and audio that it had moved aside."""
    for left in home.glob(".unpacking-*"):
        try:
            os.kill(int(left.name.split("-")[1]), 0)  # is who made it still at work?
        except (OSError, ValueError):
            shutil.rmtree(left, ignore_errors=True)
    if (home / ".replaced").exists() and not (home / "audio").exists():
        (home / ".replaced").rename(home / "audio")
