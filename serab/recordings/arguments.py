"""The command line that `serab.embed` and `serab.predict` share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from serab.escaping import one_line
from serab.terminal import show_what_it_can

if TYPE_CHECKING:
    from serab.recordings.table import Job, Written
    from serab.recordings.windows import Windows


def add_recordings(parser: argparse.ArgumentParser) -> None:
    """Recordings, the table, and windows."""
    parser.add_argument(
        "recordings",
        nargs="+",
        metavar="RECORDINGS",
        help="a folder, a glob in quotes, a list (.txt, one path a line), a manifest (.csv with a "
        "column path), or files",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="TABLE", help=".parquet, .csv or .npz"
    )
    parser.add_argument(
        "--segments", type=float, metavar="SECONDS", help="a row for each window of that length"
    )
    parser.add_argument(
        "--hop", type=float, metavar="SECONDS", help="from window to window; by default no overlap"
    )


def add_extractor(parser: argparse.ArgumentParser, advice: str = "") -> None:
    """The encoder or another extractor, with its settings."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--encoder",
        nargs="+",
        metavar=("RUN", "KEY=VALUE"),
        help=f"run directory, file, shipped name (speech_512) or Hub id{advice}; device=cpu, "
        "norm=corpus, ... may follow",
    )
    chosen.add_argument(
        "--extractor",
        nargs="+",
        metavar=("NAME", "KEY=VALUE"),
        help=f"an option of conf/extractor, such as opensmile or transformers{advice}; its "
        "settings follow, such as model=DIR layer=9",
    )


def windows_of(options: argparse.Namespace) -> Windows | None:
    """The windows that are asked for, if any.

    Raises:
        ValueError: a hop without a length, or impossible ones.
    """
    from serab.recordings.windows import Windows

    if options.segments is None:
        if options.hop is not None:
            raise ValueError("--hop: give --segments SECONDS too.")
        return None
    return Windows(options.segments, options.segments if options.hop is None else options.hop)


def print_written(job: Job, written: Written) -> None:
    """What the table holds, and what it lacks."""
    there = ", was there already" if job.was_there else ""
    print(
        f"{written.rows} rows of {len(job.inputs.paths)} recordings, {written.dimensions} "
        f"dimensions ({job.extractor.name}): {one_line(str(job.out))}{there}"
    )
    if written.left_out:
        print(
            f"{written.left_out} files are left out, each with the reason in "
            f"{one_line(str(job.left_out))}",
            file=sys.stderr,
        )


def run_command(work: Callable[[], int]) -> int:
    """The exit status: 0, 1 with one sentence for an error, 130 where it was stopped."""
    show_what_it_can()
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        return work()
    try:
        return work()
    except OSError as error:
        shown = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"error: {one_line(shown).rstrip('.')}.", file=sys.stderr)
    except ValueError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 1
