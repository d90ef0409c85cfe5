"""Demo speech, offline: synthetic emotional speech in six languages, made on first use, checked.

It is a DEMO, not a benchmark: enough to see training and evaluation run, never shown beside real
speech. 18 voices say 7 sentences of their language in 5 emotions, 630 files, about 23 minutes:
`<lang>/<speaker>/<speaker>_<emotion>_<NN>.wav`, 16 kHz, mono, 16 bit. On one machine the bytes are
the same in every run.

    python -m datamodules.demo --out data/demo-speech
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from datamodules.demo.speech import DemoError, make_demo_speech


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="serab demo", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, required=True, help="folder for the recordings")
    parser.add_argument("--workers", type=int, help="processes at a time (default: one per core)")
    parser.add_argument("--speakers", nargs="+", metavar="ID", help="only these, such as de_m1")
    parser.add_argument("--sentences", type=int, help="only the first so many of each language")
    args = parser.parse_args(arguments)
    try:
        out = make_demo_speech(
            args.out, args.workers, speakers=args.speakers, sentences=args.sentences
        )
    except (ValueError, DemoError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Demo speech (synthetic, not a benchmark): {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
