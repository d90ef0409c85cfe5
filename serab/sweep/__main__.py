"""`python -m serab.sweep SWEEP_DIR`: one table and its CSV over all jobs of a sweep, killed or not.

`python train.py -m ...` and `python evaluate.py -m ...` end with it by themselves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from serab.sweep.record import finish
from serab.terminal import show_what_it_can


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="serab sweep", description=__doc__)
    parser.add_argument("sweep_dirs", nargs="+", type=Path, metavar="SWEEP_DIR")
    options = parser.parse_args(arguments)
    show_what_it_can()
    try:
        return 1 if any([finish(sweep_dir) for sweep_dir in options.sweep_dirs]) else 0
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
