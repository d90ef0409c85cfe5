"""From an official archive, or a folder in any layout, to a checked index of a corpus."""

from __future__ import annotations

import argparse
import errno
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serab.corpora import BEYOND, NINE, corpus
from serab.downloads import download
from serab.index import CorpusIndex, data_root, read_about, write_index
from serab.labels import read_custom
from serab.records import Access, Corpus
from serab.staging import archives_of, staging, unpack_all
from serab.survey import PrepareError, Survey, list_files, not_this_corpus, survey

_SHOWN = 50


def prepare(
    code: str,
    sources: Sequence[str | Path],
    root: Path | None = None,
    allow_partial: bool = False,
) -> CorpusIndex:
    """Check a corpus and write its index to `root/CODE` (root: default `data_root()`).

    Archives are unpacked to `root/CODE/audio`; a folder is used where it is. What was prepared
    before stays as it was until the new index is whole.

    Args:
        sources: one folder, or the corpus' archives; for CUSTOM the CSV.
        allow_partial: accept a corpus of which recordings are missing or broken.

    Raises:
        PrepareError: the source isn't the corpus, or isn't all of it; `listing` has the names.
        OSError: no space, no permission.
    """
    record = corpus(code)
    paths = [Path(source) for source in sources]
    for source in paths:
        if not source.exists():
            raise PrepareError(f"{source}: no such file or folder; check --source.")
    home = (root or data_root()) / record.code
    said = ", ".join(str(source.resolve()) for source in paths)
    if record.code == "CUSTOM":
        if len(paths) != 1 or not paths[0].is_file():
            raise PrepareError("CUSTOM: --source takes one CSV (path, speaker, emotion).")
        seen = Survey(read_custom(paths[0]))
        return _index_in_place(record, paths[0].parent, seen, home, said, allow_partial)
    archives = archives_of(record, paths)
    if archives:
        return _index_unpacked(record, archives, home, said, allow_partial)
    names = list_files(paths[0])
    seen = survey(record, names)
    if not seen.found:
        raise not_this_corpus(record, names, str(paths[0]))
    return _index_in_place(record, paths[0], seen, home, said, allow_partial)


def _index_in_place(
    record: Corpus, folder: Path, seen: Survey, home: Path, said: str, allow_partial: bool
) -> CorpusIndex:
    # imported here: it takes torch along, which --list and a wrong name needn't wait for
    from serab.examine import examine

    index, stamps = examine(record, folder.resolve(), seen, allow_partial)
    write_index(index, stamps, home, said, unpacked=False)
    return index


def _index_unpacked(
    record: Corpus, archives: Sequence[Path], home: Path, said: str, allow_partial: bool
) -> CorpusIndex:
    from serab.examine import examine

    with staging(home) as stage:
        names = unpack_all(record, archives, stage.folder)
        seen = survey(record, names)
        if not seen.found:
            raise not_this_corpus(record, names, ", ".join(map(str, archives)))
        index, stamps = examine(record, stage.folder, seen, allow_partial)
        index = replace(index, root=stage.audio)
        stage.swap_in(lambda: write_index(index, stamps, home, said, unpacked=True))
    return index


def fetch(code: str, root: Path | None = None) -> list[Path]:
    """Download a corpus' archives to `root/downloads/CODE`, where its provider allows it.

    Raises:
        PrepareError: it has to be got by hand (the message says where), or the download fails.
    """
    record = corpus(code)
    if record.access is Access.RESTRICTED:
        raise PrepareError(
            f"{record.name} is given out on request only: register at {record.homepage}, then run "
            f"`python -m serab.prepare {record.code} --source ARCHIVE_OR_FOLDER`."
        )
    if not record.downloadable:
        where = record.homepage or "nowhere else"
        hint = "".join(f" ({note})" for note in record.notes if "clone" in note)
        raise PrepareError(
            f"{record.name} has no direct link: get it from {where}{hint}, then run "
            f"`python -m serab.prepare {record.code} --source ARCHIVE_OR_FOLDER`."
        )
    folder = (root or data_root()) / "downloads" / record.code
    return [download(archive, folder) for archive in record.archives]


def overview(root: Path | None = None) -> str:
    """The corpora, what they cost, where they are, and which are ready under `root`."""
    root = root or data_root()
    lines = [f"{'':9}{'':20}{'language':18}{'licence':41}{'ready':8} where"]
    for title, records in (("the nine of SERAB", NINE), ("beyond the nine", BEYOND)):
        lines.append(f"{title}:")
        for record in records:
            about = read_about(root / record.code)
            ready = "no" if about is None else "partial" if about.get("partial") else "yes"
            where = record.homepage or record.example
            if record.downloadable:
                where += "  (--download)"
            elif record.access is Access.RESTRICTED:
                where += "  (registration)"
            lines.append(
                f"{record.code:9}{record.name:20}{record.language:18}{record.licence:41}"
                f"{ready:8} {where}"
            )
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
    lines += _shortened([f"corrupt: {name}" for name in index.corrupt])
    return "\n".join(lines + [f"  note: {note}" for note in index.notes])


def _shortened(lines: Sequence[str]) -> list[str]:
    shown = [f"  {line}" for line in lines[:_SHOWN]]
    return shown + [f"  ... and {len(lines) - _SHOWN} more"] * (len(lines) > _SHOWN)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m serab.prepare", description=__doc__)
    parser.add_argument("code", nargs="?", help="corpus: EMB, RAV, ... (see --list)")
    parser.add_argument("--source", nargs="+", metavar="PATH", help="archive(s), or one folder")
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
    return 0


def _sentence(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"no space left in {data_root().resolve()}; free some or point SERAB_DATA at a larger "
            "disk. Nothing was changed."
        )
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
