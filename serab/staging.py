"""New audio takes the old one's place in one step, or not at all; a killed run is cleaned up."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serab.archives import below, check_archive, is_archive, unpack
from serab.records import Corpus
from serab.survey import PrepareError, list_files, normal, survey

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


def archives_of(record: Corpus, sources: Sequence[Path]) -> list[Path]:
    """The archives to unpack; none when the source is a folder that holds the audio itself.

    Raises:
        PrepareError: a file that isn't an archive or not the provider's, or mixed sources.
    """
    if all(source.is_file() for source in sources):
        for source in sources:
            if not is_archive(source):
                raise PrepareError(
                    f"{source}: neither an archive (zip, tar, tar.gz) nor a folder; give "
                    f"{record.name}'s archive or the folder that it unpacks to."
                )
            for known in record.archives:
                if known.name == source.name:
                    check_archive(source, known)
        return list(sources)
    if len(sources) > 1:
        raise PrepareError("--source takes one folder, or one or more archives.")
    names = list_files(sources[0])
    if survey(record, names).found:
        return []
    own = {archive.name for archive in record.archives}
    return [sources[0] / name for name in names if Path(name).name in own]


def unpack_all(record: Corpus, archives: Sequence[Path], folder: Path) -> list[str]:
    """Unpack what a corpus needs of its archives; returns the paths of all that they hold.

    Raises:
        PrepareError: see `unpack`.
    """

    def wanted(path: str) -> bool:
        text = normal(path)
        labels = record.label_files is not None and record.label_files.search(text) is not None
        return labels or record.parse(text) is not None

    names: list[str] = []
    for archive in archives:
        # several archives (female.zip, male.zip) get a folder each, so that equal names can't meet
        own = archive.name.split(".")[0] if len(archives) > 1 else ""
        (folder / own).mkdir(exist_ok=True)
        prefix = f"{own}/" if own else ""
        found = unpack(archive, folder / own, below(prefix, wanted))
        names += [prefix + name for name in found]
    return names
