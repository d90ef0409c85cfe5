"""Shards from the command line: pack recordings once, verify them, train on them.

python -m datamodules.shards pack --source DIR --out SHARDS --jobs 16
python -m datamodules.shards pack --manifest speech.csv --out SHARDS
python -m datamodules.shards verify SHARDS
python train.py data=shards data.root=SHARDS
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from datamodules.manifest.recordings import read_manifest, scan_folder
from datamodules.shards.layout import verify
from datamodules.shards.packing import SHARD_SECONDS, pack


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `pack` or `verify`; 0 if all is well, 1 for an error or a damaged shard."""
    parser = argparse.ArgumentParser(
        prog="serab shards",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="decode recordings into shards; goes on if stopped")
    source = packing.add_mutually_exclusive_group(required=True)
    source.add_argument("--source", type=Path, help="folder tree of recordings")
    source.add_argument(
        "--manifest", type=Path, help="list of recordings, see datamodules.manifest"
    )
    packing.add_argument("--out", type=Path, required=True, help="folder of the shards")
    packing.add_argument("--jobs", type=int, default=-1, help="processes; default: all processors")
    packing.add_argument("--sample-rate", type=int, default=16_000, help="Hz")
    packing.add_argument(
        "--shard-seconds", type=float, default=SHARD_SECONDS, help="of audio in one shard"
    )
    verifying = commands.add_parser("verify", help="read every shard and compare its checksum")
    verifying.add_argument("shards", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.command == "verify":
            damaged = verify(options.shards)
            for sentence in damaged:
                print(f"error: {sentence}", file=sys.stderr)
            print(f"{len(damaged)} shards are damaged" if damaged else "all shards are whole")
            return bool(damaged)
        manifest = (
            scan_folder(options.source) if options.source else read_manifest(options.manifest)
        )
        shards = pack(
            manifest, options.out, options.sample_rate, options.jobs, options.shard_seconds
        )
        print(shards.summary(0.95))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
