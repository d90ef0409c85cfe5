"""Landmarks of the recordings that a training hears, for a look later at who was among them.

    python -m datamodules.listening SPEECH --out encoder.landmarks.zip

A run of train.py leaves them beside its encoder. SPEECH is a folder, a table with a column `path`
or a folder of shards.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence, Sized
from pathlib import Path
from typing import Protocol

from tqdm import tqdm

from datamodules.landmark_file import About, write_landmarks
from datamodules.landmarks import Listener
from datamodules.manifest.recordings import read_manifest, scan_folder
from datamodules.prefetch import prefetch
from datamodules.shards.layout import MANIFEST, open_shards


class Audible(Protocol):
    """Recordings that can be listened to: a `Manifest`, `Shards`, or a mixture of them."""

    @property
    def recordings(self) -> Sized: ...

    @property
    def seconds(self) -> float: ...

    @property
    def digest(self) -> str: ...

    def listeners(self) -> Iterator[Listener]: ...


def listen(recordings: Audible, out: Path) -> About:
    """Write the landmarks of recordings to `out`, whole or not at all.

    Raises:
        ValueError: none of them can be read.
    """
    sounds = prefetch(lambda listener: listener(), recordings.listeners())
    total = len(recordings.recordings)
    shown = tqdm(sounds, "landmarks", total, leave=False, disable=None)
    return write_landmarks(out, shown, recordings.seconds, recordings.digest)


def open_recordings(path: Path) -> Audible:
    """Those of a folder, of a table with a column `path`, or of a folder of shards.

    Raises:
        ValueError: there are none.
    """
    if (path / MANIFEST).is_file():
        return open_shards(path)
    return scan_folder(path) if path.is_dir() else read_manifest(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the landmarks of recordings; 0, or 1 for an error."""
    parser = argparse.ArgumentParser(
        prog="serab landmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("speech", type=Path, metavar="SPEECH", help="folder, table or shards")
    parser.add_argument("--out", type=Path, required=True, help="encoder.landmarks.zip of a run")
    options = parser.parse_args(arguments)
    try:
        about = listen(open_recordings(options.speech), options.out)
    except OSError as error:  # without its number
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"{options.out}: {about.recordings} recordings, {about.seconds / 3600:.2f} h, "
        f"{options.out.stat().st_size / 1e6:.2f} MB; {len(about.unreadable)} can't be read"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
