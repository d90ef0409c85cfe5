"""From an official archive, or a folder in any layout, to a checked index of a corpus."""

from __future__ import annotations

import argparse
import errno
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from serab.cache_folder import LIMIT, audio_bytes, cache_root
from serab.corpora import BEYOND, CORPORA
from serab.corpora.nine import NINE
from serab.corpora.records import Access
from serab.escaping import one_line
from serab.index import CorpusIndex, data_root, prepared, read_about
from serab.prepare.corpus import prepare
from serab.prepare.downloads import fetch

_SHOWN = 50
ENCODER_RATE = 16_000
"""Hz, of all our encoders; audio is kept as float32."""


def overview(root: Path | None = None) -> str:
    """The corpora, what they cost, where they are, and which are ready under `root`."""
    root = root or data_root()
    lines = [f"{'':9}{'':20}{'language':18}{'licence':41}{'ready':8} where"]
    for title, records in (("the nine of SERAB", NINE), ("beyond the nine", BEYOND)):
        lines.append(f"{title}:")
        for record in records:
            about = read_about(root / record.code)
            ready = "no" if about is None else "partial" if about.get("partial") else "yes"
            address = record.homepage or record.example
            if record.downloadable:
                address += "  (--download)"
            elif record.access is Access.RESTRICTED:
                address += "  (registration)"
            lines.append(
                f"{record.code:9}{record.name:20}{record.language:18}{record.licence:41}"
                f"{ready:8} {address}"
            )
    own = [code for code in prepared(root) if code not in CORPORA]
    lines += ["your own:"] if own else []
    for code in own:
        about = read_about(root / code) or {}
        size, ready = about.get("utterances"), "partial" if about.get("partial") else "yes"
        source = one_line(str(about.get("source")))
        lines.append(f"{code:9}{'':20}{'':18}{f'{size} utterances':41}{ready:8} {source}")
    return "\n".join([*lines, f"prepared corpora are in {root.resolve()} (SERAB_DATA)"])


def describe(index: CorpusIndex) -> str:
    """A few lines for people: how much of what there is, and what is odd."""
    counts = Counter(u.emotion for u in index.utterances)
    speakers = len({u.speaker for u in index.utterances})
    hours = sum(u.seconds for u in index.utterances) / 3600
    lines = [
        f"{index.code}: {len(index.utterances)} utterances, {speakers} speakers, "
        f"{len(counts)} emotions, {hours:.2f} h{', PARTIAL' if index.partial else ''}",
        "  " + ", ".join(f"{emotion} {counts[emotion]}" for emotion in index.emotions),
    ]
    lines += _shortened([f"missing: {name}" for name in index.missing])
    parts = Counter(u.part for u in index.utterances if u.part)
    if parts:
        lines.append("  official parts: " + ", ".join(f"{p} {n}" for p, n in parts.items()))
    lines += _shortened([f"corrupt: {name}" for name in index.corrupt])
    return "\n".join(lines + [f"  note: {note}" for note in index.notes])


def _shortened(lines: Sequence[str]) -> list[str]:
    shown = [f"  {line}" for line in lines[:_SHOWN]]
    return shown + [f"  ... and {len(lines) - _SHOWN} more"] * (len(lines) > _SHOWN)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="serab prepare", description=__doc__)
    parser.add_argument(
        "code", nargs="?", help="corpus: EMB, RAV, ... (see --list), or a name for one of your own"
    )
    parser.add_argument(
        "--source",
        nargs="+",
        metavar="PATH",
        help="archive(s), one folder, or tables of your own corpus",
    )
    parser.add_argument("--download", action="store_true", help="from the provider, if it allows")
    parser.add_argument("--list", action="store_true", help="the corpora, and which are ready")
    parser.add_argument(
        "--allow-partial", action="store_true", help="go on when recordings are missing or broken"
    )
    options = parser.parse_args(arguments)
    if options.list:
        print(overview())
        return 0
    if options.code is None or (options.source is None) == (not options.download):
        parser.error("give a corpus and its --source, or --download, or --list")
    try:
        sources = fetch(options.code) if options.download else options.source
        index = prepare(options.code, sources, allow_partial=options.allow_partial)
    except (OSError, ValueError) as error:
        for line in _shortened(getattr(error, "listing", ())):
            print(line, file=sys.stderr)
        print(f"error: {_sentence(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: stopped; nothing was changed.", file=sys.stderr)
        return 130
    print(describe(index))
    print(f"index: {data_root() / index.code / 'index.csv'}")
    print(_cache_size(index))
    return 0


def _cache_size(index: CorpusIndex) -> str:
    """What evaluating the corpus may add to the cache of decoded audio, and what is there."""
    added = sum(u.seconds for u in index.utterances) * ENCODER_RATE * 4 / 1e9
    present = audio_bytes(cache_root()) / 1e9
    return (
        f"cache: evaluations at {ENCODER_RATE // 1000} kHz keep up to {added:.2f} GB of it decoded "
        f"(no copy of WAV at that rate) beside the {present:.2f} GB in {cache_root()}; "
        f"{LIMIT}=GB bounds that, cache=false keeps nothing"
    )


def _sentence(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"no space left in {data_root().resolve()}; free some or point SERAB_DATA at a larger "
            "disk. Nothing was changed."
        )
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
