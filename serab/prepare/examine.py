"""From names to an index: is every recording there, whole, alone of its name, and labelled?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serab.corpora.inventory import inventory
from serab.corpora.records import Corpus, Name
from serab.index import CorpusIndex, Stamp, Utterance
from serab.prepare.check import Broken, Checked, check_recordings
from serab.prepare.errors import PrepareError
from serab.prepare.labels import Label, read_iemocap, read_label_table
from serab.prepare.speakers import read_speakers
from serab.prepare.survey import Survey


def examine(
    record: Corpus, folder: Path, surveyed: Survey, allow_partial: bool
) -> tuple[CorpusIndex, tuple[Stamp, ...]]:
    """Decode the recordings that a survey of `folder` found and make an index of them.

    Nothing is written. With `allow_partial`, missing and broken recordings make the index partial
    instead of failing.

    Raises:
        PrepareError: broken, missing or surplus recordings, git-lfs pointers, different files of
            one name, a single emotion, label files that are missing or damaged; `listing` has the
            names.
    """
    surveyed, labels, absent, notes = _with_labels(record, folder, surveyed)
    people, lacking = read_speakers(record, folder, surveyed.tables)
    notes += [*lacking, *surveyed.notes]
    paths = [path for _, copies in surveyed.found.values() for path in copies]
    verdicts = check_recordings(folder, paths, f"checking {record.code}")
    checked = {path: v for path, v in verdicts.items() if isinstance(v, Checked)}
    failed = {path: v for path, v in verdicts.items() if isinstance(v, Broken)}
    utterances, stamps, broken = [], [], {}
    for name, copies in surveyed.found.values():
        good = [path for path in copies if path in checked]
        if not good:
            broken[name.id] = failed[copies[0]]
            continue
        if len({checked[path].sha256 for path in good}) > 1:
            raise PrepareError(
                f"{record.code}: two different files are named {name.id!r}; which one is right "
                "can't be told, remove the wrong one.",
                good,
            )
        verdict, label = checked[good[0]], labels.get(name.id)
        person = people.get(name.speaker)
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
                valence=label.valence if label else name.valence,
                arousal=label.arousal if label else name.arousal,
                sex=person.sex if person else name.sex,
                age=person.age if person else name.age,
                language=name.language,
                text=name.text,
                part=name.part,
            )
        )
    not_there = [emotion for a in absent if (emotion := record.label(labels[a].emotion))]
    missing = absent + _missing(record, surveyed, not_there)
    _refuse(record, surveyed, utterances, missing, broken, allow_partial)
    notes += _notes(record, surveyed, utterances, checked)
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
    record: Corpus, folder: Path, surveyed: Survey
) -> tuple[Survey, dict[str, Label], list[str], list[str]]:
    """The survey with emotions from label files, where there are any; labels by utterance id, ids
    that are labelled but not there, and notes."""
    if record.label_files is None:
        return surveyed, {}, [], []
    if not surveyed.labels:
        raise PrepareError(
            f"{record.code}: {len(surveyed.found)} recordings but no label file "
            f"({_label_file(record)}); give the folder that holds both."
        )
    if record.label_table is not None:
        labels = read_label_table(record, record.label_table, folder, surveyed.labels)
    else:
        labels = read_iemocap(folder / path for path in surveyed.labels)
    found, unknown = {}, []
    others: Counter[str] = Counter()
    for key, (name, copies) in surveyed.found.items():
        if key not in labels:
            unknown.append(key)
        elif (emotion := record.label(labels[key].emotion)) is None:
            others[labels[key].emotion] += 1
        else:
            found[key] = (_labelled(name, labels[key], emotion), copies)
    notes = []
    if others:
        counts = ", ".join(f"{emotion} {count}" for emotion, count in sorted(others.items()))
        notes.append(f"{others.total()} recordings have other labels and are left out: {counts}")
    if unknown:
        notes.append(f"{len(unknown)} recordings have no label and are left out: {_some(unknown)}")
    absent = [
        key
        for key, label in sorted(labels.items())
        if record.label(label.emotion) is not None and key not in surveyed.found
    ]
    return replace(surveyed, found=found), labels, absent, notes


def _label_file(record: Corpus) -> str:
    table = record.label_table
    return "Session*/dialog/EmoEvaluation/Ses*.txt" if table is None else table.example


def _labelled(name: Name, label: Label, emotion: str) -> Name:
    """A name with what its label adds."""
    if label.speaker is None:
        return replace(name, emotion=emotion)
    return replace(
        name,
        emotion=emotion,
        speaker=label.speaker,
        group=label.speaker,
        text=label.text,
        sex=label.sex,
        part=label.part,
    )


def _missing(record: Corpus, surveyed: Survey, absent: Sequence[str]) -> list[str]:
    """What a complete corpus has beside what was found: by name where names are known, else by
    class. `absent` are the emotions of recordings that are known to be missing."""
    expected = inventory(record.code)
    if expected is not None:
        return sorted(expected - {item.id for item in record.left_out} - set(surveyed.found))
    lines = []
    counts = Counter([name.emotion for name, _ in surveyed.found.values()] + list(absent))
    for emotion, count in zip(record.emotions, record.counts or (), strict=False):
        if counts[emotion] != count:
            lines.append(f"{emotion}: {counts[emotion]} utterances instead of {count}")
    if record.total is not None and counts.total() != record.total:
        lines.append(f"{counts.total()} utterances instead of {record.total}")
    without = [emotion for emotion in record.emotions if not counts[emotion]]
    if without and record.counts is None:
        lines.append(f"no utterances at all of {', '.join(without)}")
    speakers = len({name.speaker for name, _ in surveyed.found.values()})
    if record.speakers is not None and speakers != record.speakers:
        lines.append(f"{speakers} speakers instead of {record.speakers}")
    return lines


def _refuse(
    record: Corpus,
    surveyed: Survey,
    utterances: Sequence[Utterance],
    missing: Sequence[str],
    broken: dict[str, Broken],
    allow_partial: bool,
) -> None:
    listing = [f"missing: {name}" for name in missing]
    listing += [
        f"corrupt: {surveyed.found[key][1][0]}: {why.reason}" for key, why in broken.items()
    ]
    pointers = sum(why.pointer for why in broken.values())
    if pointers and (pointers == len(surveyed.found) or not allow_partial):
        raise PrepareError(
            f"{record.code}: {pointers} of {len(surveyed.found)} recordings are git-lfs pointers, "
            f"not audio (a ZIP from the repository's page has no others); {_fetch_advice(record)}.",
            listing,
        )
    if not utterances:
        raise PrepareError(
            f"{record.code}: none of the {len(surveyed.found)} recordings can be used; get it "
            "again.",
            listing,
        )
    classes = {u.emotion for u in utterances}
    if len(classes) < 2 and (allow_partial or not listing):
        raise PrepareError(
            f"{record.code}: all {len(utterances)} recordings have one emotion, "
            f"{', '.join(classes)}: there is nothing to tell apart; give recordings of two "
            "emotions or more.",
            listing,
        )
    if not listing or allow_partial:
        return
    total = f"of {record.utterances} " if record.utterances else ""
    counts = Counter(u.emotion for u in utterances)
    absent = [emotion for emotion in record.emotions if not counts[emotion]]
    lacking = f", {' and '.join(absent)} not at all" if absent else ""
    raise PrepareError(
        f"{record.code}: not complete, {len(utterances)} {total}utterances can be used{lacking}; "
        "get the rest, or go on without by --allow-partial (all results will say so).",
        listing,
    )


def _notes(
    record: Corpus,
    surveyed: Survey,
    utterances: Sequence[Utterance],
    checked: dict[str, Checked],
) -> list[str]:
    notes = [f"left out {path}: {item.reason}" for item, path in surveyed.left_out]
    if surveyed.hidden:
        notes.append(
            f"{len(surveyed.hidden)} hidden folders were passed over: {_some(surveyed.hidden)}"
        )
    if surveyed.unlisted:
        notes.append(
            f"{len(surveyed.unlisted)} other audio files aren't among the corpus' utterances: "
            + _some(surveyed.unlisted)
        )
    doubles = [key for key, (_, copies) in surveyed.found.items() if len(copies) > 1]
    if doubles:
        notes.append(f"{len(doubles)} recordings are there more than once: {_some(doubles)}")
    silent = [u.id for u in utterances if checked[u.path].silent]
    if silent:
        notes.append(f"{len(silent)} recordings are silent throughout: {_some(silent)}")
    content = defaultdict(list)
    for u in utterances:
        content[u.sha256].append(u.id)
    emotion = {u.id: u.emotion for u in utterances}
    same = [ids for ids in content.values() if len(ids) > 1]
    if same:
        names = _some([" = ".join(ids) for ids in same])
        notes.append(f"{len(same)} recordings are there under several names: {names}")
    two = [" = ".join(ids) for ids in same if len({emotion[name] for name in ids}) > 1]
    if two:
        notes.append(f"{len(two)} recordings have two labels, under two names: {_some(two)}")
    speakers = defaultdict(set)
    for u in utterances:
        speakers[u.emotion].add(u.speaker)
    alone = sorted(e for e, people in speakers.items() if len(people) == 1)
    if alone and len({u.speaker for u in utterances}) > 1:
        notes.append(
            f"{len(alone)} emotions have one speaker, so a split by speakers can't both train and "
            f"test them: {_some(alone)}"
        )
    mean = sum(u.seconds for u in utterances) / len(utterances)
    usual = record.mean_seconds
    if usual is not None and not 0.7 * usual <= mean <= 1.4 * usual:
        notes.append(
            f"unusual durations: {mean:.2f} s on average where {usual} s are published; is this "
            "cut, slowed or resampled audio?"
        )
    return notes


def _fetch_advice(record: Corpus) -> str:
    if record.mirror:
        return f"its git-lfs budget is used up: get the audio from {record.mirror}"
    return "clone it with git-lfs installed, or run `git lfs pull` in the clone"


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
