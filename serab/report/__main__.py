"""`python -m serab.report RUN_DIR [RUN_DIR ...] --out report/`: Markdown, HTML, CSV, pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from serab.escaping import one_line
from serab.terminal import show_what_it_can


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="serab report", description=__doc__)
    parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder (report)")
    parser.add_argument(
        "--latex", action="store_true", help="also tables.tex for a paper, and pictures as PDF"
    )
    options = parser.parse_args(arguments)
    show_what_it_can()
    from serab.report.write import write_report  # --help should not wait for matplotlib

    try:
        for path in write_report(options.run_dirs, options.out, options.latex):
            print(path)
    except OSError as error:  # without its number
        print(f"error: {one_line(f'{error.filename}: {error.strerror}')}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
