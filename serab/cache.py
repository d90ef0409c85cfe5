"""The cache of embeddings and decoded audio, from the command line.

python -m serab.cache                      what the cache holds
python -m serab.cache prune [--name PATTERN] [--older-than DAYS]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from serab.embed.cache import cache_root, entries, prune


def main(arguments: Sequence[str] | None = None) -> int:
    """Show or prune the cache."""
    parser = argparse.ArgumentParser(
        prog="serab cache", description="The cache of embeddings and decoded audio."
    )
    parser.add_argument("command", nargs="?", choices=("show", "prune"), default="show")
    parser.add_argument("--name", default="*", help="pattern of entries, such as 'audio_ntt_512-*'")
    parser.add_argument(
        "--older-than", type=float, default=0.0, metavar="DAYS", help="since the last writing"
    )
    options = parser.parse_args(arguments)
    folder = cache_root()
    try:
        if options.command == "prune":
            shown = prune(folder, options.name, options.older_than)
        else:
            shown = [entry for entry in entries(folder) if entry.path.match(options.name)]
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}; check its permissions.", file=sys.stderr)
        return 1
    for entry in shown:
        size = f"{entry.bytes / 1e6:10.1f} MB {entry.files:7} files {entry.days:6.1f} days"
        print(f"{size}  {entry.path.name}")
    total = sum(entry.bytes for entry in shown) / 1e6
    print(f"{total:10.1f} MB {'deleted from' if options.command == 'prune' else 'in'} {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
