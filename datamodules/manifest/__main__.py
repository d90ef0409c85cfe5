"""Which recordings there are: a folder is scanned, the unusable are counted and listed.

AudioSet's speech, of which people have the files under several names:

    python -m datamodules.manifest audioset --ontology ontology.json \\
        --segments unbalanced_train_segments.csv balanced_train_segments.csv \\
        --audio DIR --out speech.csv [--exclude-music] [--exclude-synthetic]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from datamodules.manifest.recordings import _write_csv


def main(arguments: Sequence[str] | None = None) -> int:
    """List AudioSet's speech; 0, or 1 for an error."""
    from datamodules.manifest import audioset

    parser = argparse.ArgumentParser(
        prog="serab manifest",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("audioset", help="list AudioSet's speech among the files at hand")
    command.add_argument("--ontology", type=Path, required=True, help="ontology.json")
    command.add_argument("--segments", type=Path, nargs="+", required=True, help="CSV files")
    command.add_argument("--audio", type=Path, required=True, help="folder tree of the recordings")
    command.add_argument("--out", type=Path, required=True, help="CSV file to write")
    command.add_argument("--exclude-music", action="store_true", help="no clip with music in it")
    command.add_argument(
        "--exclude-synthetic", action="store_true", help="no clip with a speech synthesizer"
    )
    options = parser.parse_args(arguments)
    try:
        speech = audioset.descendants(options.ontology)
        excluded: frozenset[str] = frozenset()
        if options.exclude_music:
            excluded |= audioset.descendants(options.ontology, audioset.MUSIC)
        if options.exclude_synthetic:
            excluded |= audioset.descendants(options.ontology, audioset.SYNTHETIC)
        listed = [s for path in options.segments for s in audioset.read_segments(path)]
        segments, counts = audioset.speech_segments(listed, speech - excluded, excluded)
        joined = audioset.join_files(segments, options.audio)
        rows = (
            (str(options.audio.resolve() / path), s.id, s.start, s.end, ",".join(sorted(s.labels)))
            for s, path in joined.found
        )
        options.out.parent.mkdir(parents=True, exist_ok=True)
        _write_csv(options.out, ("path", "id", "start", "end", "labels"), rows)
        absent = options.out.with_suffix(".absent.csv")
        _write_csv(absent, ("id", "start", "end"), ((s.id, s.start, s.end) for s in joined.absent))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for reason, count in (counts | joined.counts).items():
        print(f"{count:10,} {reason}")
    print(f"{options.out} lists the recordings, {absent} the segments without one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
