"""From an official archive, or a folder in any layout, to a checked index of a corpus."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serab.archives import check_archive, is_archive, unpack
from serab.corpora import corpus
from serab.index import CorpusIndex, Stamp, Utterance, data_root, read_about, write_index
from serab.inventory import inventory
from serab.records import Corpus
from serab.survey import PrepareError, Survey, list_files, looks_like, normal, survey


def prepare(
    code: str,
    sources: Sequence[str | Path],
    root: Path | None = None,
    allow_partial: bool = False,
) -> CorpusIndex:
    """Check a corpus and write its index to `root/CODE` (root: default `data_root()`).

    Archives are unpacked to `root/CODE/audio`; a folder is used where it is. Whatever was prepared
    before stays as it was until the new index is whole.

    Args:
        sources: one folder, or the corpus' archives.
        allow_partial: accept a corpus of which recordings are missing or broken.

    Raises:
        PrepareError: the source isn't the corpus, or isn't all of it; `listing` has the names.
        OSError: no space, no permission.
    """
    record = corpus(code)
    sources = [Path(source) for source in sources]
    for source in sources:
        if not source.exists():
            raise PrepareError(f"{source}: no such file or folder; check --source.")
    home = (root or data_root()) / record.code
    said = ", ".join(str(source) for source in sources)
    archives = _archives(record, sources)
    if not archives:
        audio = sources[0].resolve()
        index, stamps = examine(record, audio, list_files(audio), allow_partial)
        write_index(index, stamps, home, said, unpacked=False)
        return index
    audio = home / "audio"
    if audio.exists() and not (read_about(home) or {}).get("unpacked"):
        raise PrepareError(
            f"{audio}: exists and wasn't unpacked by this command; move it away, or use it: "
            f"--source {audio}."
        )
    made = not home.exists()
    home.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=home, prefix=".unpacking-"))
    try:
        names = _unpack_all(record, archives, staging)
        index, stamps = examine(record, staging, names, allow_partial)
        index = replace(index, root=audio)
        _swap_in(staging, audio, lambda: write_index(index, stamps, home, said, unpacked=True))
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        if made:
            shutil.rmtree(home, ignore_errors=True)
        raise
    return index


def examine(
    record: Corpus, folder: Path, names: Sequence[str], allow_partial: bool
) -> tuple[CorpusIndex, tuple[Stamp, ...]]:
    """Check the files `names` of `folder` and make an index of them, without writing it.

    Raises:
        PrepareError: see `prepare`.
    """
    seen = survey(record, names)
    if not seen.found:
        raise _not_it(record, folder, names, seen)
    # imported here: it takes torch along, which --list and a wrong name needn't wait for
    from serab.check import Broken, check_recordings

    verdicts = check_recordings(
        folder, [p for _, paths in seen.found.values() for p in paths], f"checking {record.code}"
    )
    utterances, stamps, corrupt, reasons, doubles, silent = [], [], [], [], [], []
    pointers = 0
    for name, paths in seen.found.values():
        good = [path for path in paths if not isinstance(verdicts[path], Broken)]
        if not good:
            verdict = verdicts[paths[0]]
            pointers += verdict.pointer
            corrupt.append(name.id)
            reasons.append(f"corrupt {paths[0]}: {verdict.reason}")
            continue
        if len({verdicts[path].sha256 for path in good}) > 1:
            raise PrepareError(
                f"{record.code}: two different files have the name {name.id!r}; remove the wrong "
                "one.",
                good,
            )
        if len(paths) > 1:
            doubles.append(name.id)
        verdict = verdicts[good[0]]
        if verdict.silent:
            silent.append(name.id)
        utterances.append(
            Utterance(
                id=name.id,
                path=good[0],
                speaker=name.speaker,
                group=name.group,
                emotion=name.emotion,
                seconds=verdict.seconds,
                sha256=verdict.sha256,
            )
        )
        stamps.append(verdict.stamp)
    missing = _missing(record, utterances, corrupt)
    if pointers and not allow_partial:
        raise PrepareError(
            f"{record.code}: {pointers} of {len(seen.found)} recordings are git-lfs pointers, not "
            "audio; run `git lfs pull` in the clone, then prepare again.",
            reasons,
        )
    if not utterances:
        raise PrepareError(
            f"{record.code}: none of the {len(seen.found)} recordings can be decoded; get the "
            "corpus again.",
            reasons,
        )
    if (missing or corrupt) and not allow_partial:
        raise PrepareError(
            f"{record.code}: incomplete, {len(utterances)} of {record.utterances} utterances can "
            "be used; get the rest, or add --allow-partial to go on without (results will say so).",
            [f"missing {line}" for line in missing] + reasons,
        )
    notes = _notes(record, seen, utterances, doubles, silent)
    index = CorpusIndex(
        code=record.code,
        root=folder,
        emotions=record.emotions,
        utterances=tuple(utterances),
        partial=bool(missing or corrupt),
        missing=tuple(missing),
        corrupt=tuple(corrupt),
        notes=tuple(notes),
    )
    return index, tuple(stamps)


def _archives(record: Corpus, sources: Sequence[Path]) -> list[Path]:
    """The archives to unpack; none when the source is a folder that holds the audio itself."""
    if all(source.is_file() for source in sources):
        for source in sources:
            if not is_archive(source):
                raise PrepareError(
                    f"{source}: not an archive (zip, tar, tar.gz) and not a folder; give "
                    f"{record.name}'s archive or the folder that it unpacks to."
                )
        return list(sources)
    if len(sources) > 1:
        raise PrepareError("--source takes one folder, or one or more archives; not both.")
    names = list_files(sources[0])
    if survey(record, names).found:
        return []
    known = {archive.name for archive in record.archives}
    return [sources[0] / n for n in names if Path(n).name in known]


def _unpack_all(record: Corpus, archives: Sequence[Path], staging: Path) -> list[str]:
    def wanted(path: str) -> bool:
        text = normal(path)
        labels = record.label_files is not None and record.label_files.search(text) is not None
        return labels or record.parse(text) is not None

    names: list[str] = []
    for archive in archives:
        check_archive(archive, record)
        # several archives (female.zip, male.zip) get a folder each, so equal names can't meet
        into = staging if len(archives) == 1 else staging / archive.name.split(".")[0]
        into.mkdir(exist_ok=True)
        prefix = into.relative_to(staging).as_posix()
        prefix = "" if prefix == "." else prefix + "/"
        names += [
            prefix + name for name in unpack(archive, into, lambda n, p=prefix: wanted(p + n))
        ]
    return names


def _swap_in(staging: Path, audio: Path, write) -> None:
    """Put the new audio in the old one's place; the old one comes back if the index fails."""
    old = audio.with_name(".replaced")
    shutil.rmtree(old, ignore_errors=True)
    staging.chmod(0o755)
    if audio.exists():
        audio.rename(old)
    try:
        staging.rename(audio)
        write()
    except BaseException:
        if audio.exists():
            audio.rename(staging)
        if old.exists():
            old.rename(audio)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _not_it(record: Corpus, folder: Path, names: Sequence[str], seen: Survey) -> PrepareError:
    other = looks_like(names, but=record.code)
    if other is not None:
        like, count = other
        return PrepareError(
            f"this isn't {record.name} ({record.code}): {count} files are named like {like.name}; "
            f"run `python -m serab.prepare {like.code} --source ...`, or give another source."
        )
    what = f"{len(seen.strangers)} audio files but none" if seen.strangers else "no audio file"
    return PrepareError(
        f"{folder if not folder.name.startswith('.') else 'the archive'} has {what} named like "
        f"{record.name}'s ({record.code}); expected names such as {record.grammar.pattern!r}.",
        seen.strangers[:10],
    )


def _missing(record: Corpus, utterances: Sequence[Utterance], corrupt: Sequence[str]) -> list[str]:
    """What a complete corpus has beside these: by name where names are known, else by class."""
    expected = inventory(record.code)
    if expected is not None:
        left_out = {item.id for item in record.left_out}
        have = {u.id for u in utterances}
        return sorted(expected - left_out - have - set(corrupt))
    if record.counts is None:
        return []
    counts = Counter(u.emotion for u in utterances)
    return [
        f"{emotion}: {counts[emotion]} utterances instead of {count}"
        for emotion, count in zip(record.emotions, record.counts, strict=True)
        if counts[emotion] != count
    ]


def _notes(record, seen: Survey, utterances, doubles, silent) -> list[str]:
    notes = [f"left out {path}: {item.reason}" for item, path in seen.left_out]
    if seen.strangers:
        shown = ", ".join(seen.strangers[:3])
        notes.append(f"{len(seen.strangers)} other audio files aren't in the corpus: {shown} ...")
    if doubles:
        notes.append(f"{len(doubles)} recordings are there twice, unchanged; one of each is used")
    if silent:
        notes.append(f"silent throughout: {', '.join(silent)}")
    content: dict[str, list[str]] = {}
    for u in utterances:
        content.setdefault(u.sha256, []).append(u.id)
    same = [" = ".join(ids) for ids in content.values() if len(ids) > 1]
    if same:
        notes.append(f"{len(same)} recordings have two names: {', '.join(same[:10])}")
    mean = sum(u.seconds for u in utterances) / len(utterances)
    usual = record.mean_seconds
    if usual is not None and not 0.7 * usual <= mean <= 1.4 * usual:
        notes.append(f"unusual: utterances last {mean:.1f} s on average, {usual} s are published")
    return notes


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m serab.prepare", description=__doc__)
    parser.add_argument("code", nargs="?", help="corpus: EMB, RAV, ...")
    parser.add_argument("--source", nargs="+", metavar="PATH", help="archive(s), or one folder")
    parser.add_argument(
        "--allow-partial", action="store_true", help="go on when recordings are missing or broken"
    )
    options = parser.parse_args(arguments)
    if options.code is None or options.source is None:
        parser.error("give a corpus and its --source")
    try:
        index = prepare(options.code, options.source, allow_partial=options.allow_partial)
    except PrepareError as error:
        for line in error.listing[:50]:
            print(f"  {line}", file=sys.stderr)
        if len(error.listing) > 50:
            print(f"  ... and {len(error.listing) - 50} more", file=sys.stderr)
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(describe(index))
    print(f"index: {data_root() / index.code / 'index.csv'}")
    return 0


def describe(index: CorpusIndex) -> str:
    """A few lines for people: how much of what there is."""
    counts = Counter(u.emotion for u in index.utterances)
    speakers = len({u.speaker for u in index.utterances})
    hours = sum(u.seconds for u in index.utterances) / 3600
    lines = [
        f"{index.code}: {len(index.utterances)} utterances, {speakers} speakers, "
        f"{len(counts)} emotions, {hours:.2f} h{', PARTIAL' if index.partial else ''}",
        "  " + ", ".join(f"{emotion} {counts[emotion]}" for emotion in index.emotions),
    ]
    lines += [f"  missing {name}" for name in index.missing]
    lines += [f"  corrupt {name}" for name in index.corrupt]
    return "\n".join(lines + [f"  note: {note}" for note in index.notes])


if __name__ == "__main__":
    sys.exit(main())
