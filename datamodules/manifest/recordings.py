"""Which recordings there are: a folder is scanned, the unusable are counted and listed."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from datamodules.audio import SUFFIXES, AudioError, probe_audio, shown_path, walk_audio
from datamodules.files import write_whole
from datamodules.landmarks import Listener, listen_to
from datamodules.tables import find_file, read_table


@dataclass(frozen=True)
class Recording:
    """A usable recording: path relative to the root (posix), frames (samples), sample_rate (Hz)."""

    path: str
    frames: int
    sample_rate: int

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class Manifest:
    """The recordings below `root`, sorted by path, and why each of the others can't be used.

    Attributes:
        unusable: files, and folders that can't be opened, with the reason.
        passed_over: hidden files and folders, those of trash and of other systems' bookkeeping.
    """

    root: Path
    recordings: tuple[Recording, ...]
    unusable: dict[str, str] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return sum(recording.seconds for recording in self.recordings)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over paths and lengths: runs that agree on it draw the same crops."""
        rows = "\n".join(f"{r.path}\t{r.frames}\t{r.sample_rate}" for r in self.recordings)
        return hashlib.sha256(rows.encode("utf-8", "surrogateescape")).hexdigest()

    def shorter_than(self, seconds: float) -> int:
        """How many recordings are shorter than that."""
        return sum(recording.seconds < seconds for recording in self.recordings)

    def listeners(self) -> Iterator[Listener]:
        """A call for each recording, for its landmarks."""
        return (partial(listen_to, self.root / r.path, r.path) for r in self.recordings)

    def summary(self, clip_seconds: float) -> str:
        """One line for the screen."""
        line = (
            f"{len(self.recordings)} recordings, {self.seconds / 3600:.2f} h, under {self.root}"
            f" ({self.shorter_than(clip_seconds)} shorter than a clip of {clip_seconds} s,"
            " padded with zeros)"
        )
        if self.unusable:
            line += f"; {len(self.unusable)} unusable, listed in unusable.csv"
            causes = Counter(_cause(reason) for reason in self.unusable.values())
            line += f" ({', '.join(f'{count} {cause}' for cause, count in causes.most_common())})"
        if self.passed_over:
            line += f"; {len(self.passed_over)} hidden or in the trash, passed over (unusable.csv)"
        return line

    def write(self, folder: Path) -> None:
        """Write recordings.csv and unusable.csv, each whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = ((r.path, r.frames, r.sample_rate) for r in self.recordings)
        _write_csv(folder / "recordings.csv", ("path", "frames", "sample_rate"), rows)
        left_out = sorted((self.unusable | self.passed_over).items())
        _write_csv(folder / "unusable.csv", ("path", "reason"), left_out)


def scan_folder(root: str | Path, workers: int = 8) -> Manifest:
    """Find and check all recordings in a folder tree.

    Args:
        root: of the tree; files are told by their suffix, case ignored, links followed.
        workers: threads that read headers.

    Raises:
        ValueError: no such folder, no recording in it, or none that can be used.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise ValueError(f"data.root={root}: no such folder; give one with speech recordings.")
    found, unreadable, passed_over = walk_audio(root)
    if not found:
        for path, reason in unreadable.items():
            raise ValueError(f"data.root={root}: no recordings in it, {path}: {reason}")
        raise ValueError(
            f"data.root={root}: no recordings in it; expected files ending in "
            f"{', '.join(SUFFIXES)}, in it or in folders below."
        )
    manifest = check_recordings(root, found, workers)
    return replace(manifest, unusable=unreadable | manifest.unusable, passed_over=passed_over)


def read_manifest(path: str | Path, workers: int = 8) -> Manifest:
    """The recordings that a CSV file lists in a column `path`, absolute or relative to the file.

    Raises:
        ValueError: no such file or column, a path twice, or no recording that can be used.
    """
    path = Path(path).expanduser()
    try:
        rows = read_table(path, ("path",), any_names=True)
        listed = [find_file(path.parent, row["path"]) for _, row in rows]
    except OSError as error:
        raise ValueError(f"{path}: can't be read ({error.strerror}); check the path.") from error
    twice = [name for name, count in Counter(listed).items() if count > 1]
    if twice or not listed:
        raise ValueError(
            f"{path}: {f'lists {twice[0]} twice' if twice else 'lists no recording'}; expected "
            "each recording once."
        )
    return check_recordings(path.parent, sorted(listed), workers)


def check_recordings(root: Path, found: Sequence[str], workers: int = 8) -> Manifest:
    """Check recordings below `root` by `workers` threads that read headers.

    Raises:
        ValueError: none can be used; names the first.
    """
    recordings, unusable = [], {}
    with ThreadPoolExecutor(workers) as pool:
        checked = pool.map(_check, (root / path for path in found))
        checked = tqdm(checked, "checking", len(found), leave=False, disable=None)
        for path, result in zip(found, checked, strict=True):
            if isinstance(result, Recording):
                recordings.append(Recording(path, result.frames, result.sample_rate))
            else:
                unusable[shown_path(path)] = result
    if not recordings:
        first = next(iter(unusable.values()))
        raise ValueError(
            f"data.root={root}: none of {len(found)} recordings can be used; the first: {first}"
        )
    return Manifest(root, tuple(recordings), unusable)


def _check(path: Path) -> Recording | str:
    shown = shown_path(str(path))
    if shown != str(path):
        return f"{shown}: its name isn't UTF-8; rename it."
    try:
        info = probe_audio(path)
    except (AudioError, OSError) as error:
        return str(error)
    return Recording(path.name, info.frames, info.sample_rate)


def _cause(reason: str) -> str:
    """What most reasons come down to, for a count."""
    causes = {
        "install PyAV": "that need PyAV (pip install av)",
        "git-lfs": "git-lfs pointers",
        "unreadable": "unreadable",
        "isn't UTF-8": "with a name that isn't UTF-8",
        "cut off": "cut off or damaged",
        "damaged": "cut off or damaged",
        "empty": "empty",
        "encrypted": "encrypted",
        "not audio": "not audio",
    }
    return next((cause for word, cause in causes.items() if word in reason), "for other reasons")


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterable[tuple]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_whole(path, table.getvalue())
