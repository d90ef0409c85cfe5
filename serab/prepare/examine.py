"""From names to an index: is every recording there, whole, alone of its name, and labelled?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serab.corpora.inventory import inventory
from serab.corpora.records import Corpus
from serab.index import CorpusIndex, Stamp, Utterance
from serab.prepare.check import Broken, Checked, check_recordings
from serab.prepare.errors import PrepareError
from serab.prepare.labels import Label, read_iemocap
from serab.prepare.survey import Survey


def examine(
    record: Corpus, folder: Path, seen: Survey, allow_partial: bool
) -> tuple[CorpusIndex, tuple[Stamp, ...]]:
    """Decode the recordings that a survey of `folder` found and make an index of them.

    Nothing is written. With `allow_partial`, missing and broken recordings make the index partial
    instead of failing.

    Raises:
        PrepareError: broken, missing or surplus recordings, git-lfs pointers, different files of
            one name, label files that are missing or damaged; `listing` has the names.
    """
    seen, labels, absent, notes = _with_labels(record, folder, seen)
    paths = [path for _, where in seen.found.values() for path in where]
    verdicts = check_recordings(folder, paths, f"checking {record.code}")
    checked = {path: v for path, v in verdicts.items() if isinstance(v, Checked)}
    failed = {path: v for path, v in verdicts.items() if isinstance(v, Broken)}
    utterances, stamps, broken = [], [], {}
    for name, where in seen.found.values():
        good = [path for path in where if path in checked]
        if not good:
            broken[name.id] = failed[where[0]]
            continue
        if len({checked[path].sha256 for path in good}) > 1:
            raise PrepareError(
                f"{record.code}: two different files are named {name.id!r}; which one is right "
                "can't be told, remove the wrong one.",
                good,
            )
        verdict, label = checked[good[0]], labels.get(name.id)
        assert name.emotion is not None  # names or label files say it
        stamps.append(verdict.stamp)
        utterances.append(
            Utterance(
                id=name.id,
                path=good[0],
                speaker=name.speaker,
                group=name.group,
                emotion=name.emotion,
                seconds=verdict.seconds,
                sha256=verdict.sha256,
                valence=label.valence if label else None,
                arousal=label.arousal if label else None,
            )
        )
    not_there = [emotion for a in absent if (emotion := record.label(labels[a].emotion))]
    missing = absent + _missing(record, seen, not_there)
    _refuse(record, seen, utterances, missing, broken, allow_partial)
    notes += _notes(record, seen, utterances, checked)
    emotions = record.emotions or tuple(sorted({u.emotion for u in utterances}))
    index = CorpusIndex(
        code=record.code,
        root=folder,
        emotions=emotions,
        utterances=tuple(utterances),
        partial=bool(missing or broken),
        missing=tuple(missing),
        corrupt=tuple(sorted(broken)),
        notes=tuple(notes),
    )
    return index, tuple(stamps)


def _with_labels(
    record: Corpus, folder: Path, seen: Survey
) -> tuple[Survey, dict[str, Label], list[str], list[str]]:
    """The survey with emotions from label files, where there are any; labels by utterance id, ids
    that are labelled but not there, and notes."""
    if record.label_files is None:
        return seen, {}, [], []
    if not seen.labels:
        raise PrepareError(
            f"{record.code}: {len(seen.found)} recordings but no label file "
            "(Session*/dialog/EmoEvaluation/Ses*.txt); give the folder that holds both."
        )
    labels = read_iemocap(folder / path for path in seen.labels)
    found, unknown = {}, []
    others: Counter[str] = Counter()
    for key, (name, where) in seen.found.items():
        if key not in labels:
            unknown.append(key)
        elif (emotion := record.label(labels[key].emotion)) is None:
            others[labels[key].emotion] += 1
        else:
            found[key] = (replace(name, emotion=emotion), where)
    notes = []
    if others:
        said = ", ".join(f"{emotion} {count}" for emotion, count in sorted(others.items()))
        notes.append(f"{others.total()} recordings have other labels and are left out: {said}")
    if unknown:
        notes.append(f"{len(unknown)} recordings have no label and are left out: {_some(unknown)}")
    absent = [
        key
        for key, label in sorted(labels.items())
        if record.label(label.emotion) is not None and key not in seen.found
    ]
    return replace(seen, found=found), labels, absent, notes


def _missing(record: Corpus, seen: Survey, absent: Sequence[str]) -> list[str]:
    """What a complete corpus has beside what was found: by name where names are known, else by
    class. `absent` are the emotions of recordings that are known to be missing."""
    expected = inventory(record.code)
    if expected is not None:
        return sorted(expected - {item.id for item in record.left_out} - set(seen.found))
    lines = []
    counts = Counter([name.emotion for name, _ in seen.found.values()] + list(absent))
    for emotion, count in zip(record.emotions, record.counts or (), strict=False):
        if counts[emotion] != count:
            lines.append(f"{emotion}: {counts[emotion]} utterances instead of {count}")
    if record.total is not None and counts.total() != record.total:
        lines.append(f"{counts.total()} utterances instead of {record.total}")
    without = [emotion for emotion in record.emotions if not counts[emotion]]
    if without and record.counts is None:
        lines.append(f"no utterances at all of {', '.join(without)}")
    speakers = len({name.speaker for name, _ in seen.found.values()})
    if record.speakers is not None and speakers != record.speakers:
        lines.append(f"{speakers} speakers instead of {record.speakers}")
    return lines


def _refuse(
    record: Corpus,
    seen: Survey,
    utterances: Sequence[Utterance],
    missing: Sequence[str],
    broken: dict[str, Broken],
    allow_partial: bool,
) -> None:
    listing = [f"missing: {name}" for name in missing]
    listing += [f"corrupt: {seen.found[key][1][0]}: {why.reason}" for key, why in broken.items()]
    pointers = sum(why.pointer for why in broken.values())
    if pointers and (pointers == len(seen.found) or not allow_partial):
        raise PrepareError(
            f"{record.code}: {pointers} of {len(seen.found)} recordings are git-lfs pointers, not "
            f"audio; run `git lfs pull` in the clone{_elsewhere(record)}.",
            listing,
        )
    if len({u.emotion for u in utterances}) == 1:
        raise PrepareError(
            f"{record.code}: all {len(utterances)} utterances are {utterances[0].emotion!r}; "
            "expected at least two emotions, else there is nothing to tell apart.",
            listing,
        )
    if not utterances:
        raise PrepareError(
            f"{record.code}: none of the {len(seen.found)} recordings can be used; get it again.",
            listing,
        )
    if not listing or allow_partial:
        return
    of = f"of {record.utterances} " if record.utterances else ""
    counts = Counter(u.emotion for u in utterances)
    absent = [emotion for emotion in record.emotions if not counts[emotion]]
    classes = f", {' and '.join(absent)} not at all" if absent else ""
    raise PrepareError(
        f"{record.code}: not complete, {len(utterances)} {of}utterances can be used{classes}; get "
        "the rest, or go on without by --allow-partial (all results will say so).",
        listing,
    )


def _elsewhere(record: Corpus) -> str:
    """Where a record's notes know another place to clone from."""
    places = [note for note in record.notes if "clone" in note]
    return f", or {places[0]}" if places else ""


def _notes(
    record: Corpus,
    seen: Survey,
    utterances: Sequence[Utterance],
    checked: dict[str, Checked],
) -> list[str]:
    notes = [f"left out {path}: {item.reason}" for item, path in seen.left_out]
    if seen.strangers:
        notes.append(
            f"{len(seen.strangers)} other audio files aren't among the corpus' utterances: "
            + _some(seen.strangers)
        )
    doubles = [key for key, (_, where) in seen.found.items() if len(where) > 1]
    if doubles:
        notes.append(f"{len(doubles)} recordings are there more than once: {_some(doubles)}")
    silent = [u.id for u in utterances if checked[u.path].silent]
    if silent:
        notes.append(f"{len(silent)} recordings are silent throughout: {_some(silent)}")
    content = defaultdict(list)
    for u in utterances:
        content[u.sha256].append(u.id)
    same = [" = ".join(ids) for ids in content.values() if len(ids) > 1]
    if same:
        notes.append(f"{len(same)} recordings are there under several names: {_some(same)}")
    mean = sum(u.seconds for u in utterances) / len(utterances)
    usual = record.mean_seconds
    if usual is not None and not 0.7 * usual <= mean <= 1.4 * usual:
        notes.append(
            f"unusual durations: {mean:.2f} s on average where {usual} s are published; is this "
            "cut, slowed or resampled audio?"
        )
    return notes


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
