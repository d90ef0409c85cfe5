"""A folder of recordings to a table of embeddings.

python -m serab.embed FOLDER --encoder RUN --out table.parquet
python -m serab.embed "FOLDER/**/*.wav" --extractor opensmile --out table.csv
python -m serab.embed list.txt --encoder speech_512 --segments 2 --hop 1 --out table.npz

A row is a recording, or with --segments a window of it from `start` to `end` (seconds). Rows are in
the order of the recordings. After a kill the same command goes on; a table that is there stays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from serab.recordings.arguments import (
    add_extractor,
    add_recordings,
    print_written,
    run_command,
    windows_of,
)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m serab.embed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recordings(parser)
    add_extractor(parser)
    options = parser.parse_args(argv)
    if options.encoder is None and options.extractor is None:
        parser.error("give --encoder RUN, or --extractor NAME")
    return run_command(lambda: _embed(options))


def _embed(options: argparse.Namespace) -> int:
    from serab.recordings.formats import Layout, check_suffix
    from serab.recordings.inputs import find_recordings

    check_suffix(options.out)
    windows = windows_of(options)
    inputs = find_recordings(options.recordings)

    from serab.launch.extractor import extractor_of
    from serab.recordings.table import Job

    extractor = extractor_of(options.encoder, options.extractor)
    about = {
        "recordings": options.recordings,
        "encoder": options.encoder,
        "extractor": options.extractor,
    }
    job = Job(inputs, extractor, options.out, windows, about=about)

    def layout(dimensions: int) -> Layout:
        columns = tuple(f"e{number}" for number in range(dimensions))
        return Layout(columns, windows is not None, labels=False, vector="embedding")

    print_written(job, job.run(layout))
    return 0


if __name__ == "__main__":
    sys.exit(main())
