"""The cache of embeddings and decoded audio, from the command line.

python -m serab.cache                      what the cache holds
python -m serab.cache prune [--name PATTERN] [--older-than DAYS]
python -m serab.cache prune --audio-to GB  decoded audio that was used least recently

`SERAB_CACHE_GB=GB` keeps decoded audio below that while evaluations write it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from serab.cache_folder import cache_root, entries, prune, prune_audio


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
    parser.add_argument(
        "--audio-to", type=float, metavar="GB", help="keep at most that much decoded audio"
    )
    options = parser.parse_args(arguments)
    if options.audio_to is not None and (options.command != "prune" or not options.audio_to >= 0):
        parser.error("--audio-to takes a number of GB from 0 on, and goes with prune")
    folder = cache_root()
    if not folder.is_dir():
        print(
            f"error: {folder}: there is no cache; check SERAB_CACHE and SERAB_DATA, or wait for "
            "the first evaluation, which makes it.",
            file=sys.stderr,
        )
        return 1
    try:
        if options.audio_to is not None:
            count, deleted = prune_audio(folder, int(options.audio_to * 1e9))
            print(
                f"{deleted / 1e6:10.1f} MB {count:7} files of decoded audio deleted from {folder}"
            )
            return 0
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
