"""The released split rule on ids alone, the two-speaker case, and leaks that must be found."""

import numpy as np
import pytest

from serab.index import CorpusIndex, Utterance
from serab.protocol import PUBLISHED, STRICT
from serab.splits import leak_report, speaker_folds, split


def index_of(code, people, emotions=("anger", "sadness"), each=4, groups=None):
    utterances = [
        Utterance(
            id=f"{who}-{e}-{n}",
            path=f"{who}-{e}-{n}.wav",
            speaker=who,
            group=groups(who, n) if groups else who,
            emotion=e,
            seconds=1.0,
            sha256=f"{who}{e}{n}",
        )
        for who in people
        for e in emotions
        for n in range(each)
    ]
    return CorpusIndex(code, "/nowhere", tuple(emotions), tuple(utterances))


EMODB = ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"]


def test_order_of_utterances_does_not_matter():
    index = index_of("EMB", EMODB)
    turned = CorpusIndex("EMB", "/nowhere", index.emotions, index.utterances[::-1])
    assert split(index, STRICT).speakers == split(turned, STRICT).speakers


def test_parts_cover_everything_once():
    index = index_of("EMB", EMODB)
    for seed in range(5):
        parts = split(index, STRICT, seed)
        rows = np.concatenate([parts.train, parts.validation, parts.test])
        assert sorted(rows) == list(range(len(index.utterances)))
        assert all((np.diff(getattr(parts, p)) > 0).all() for p in ("train", "validation", "test"))
        for part, people in parts.speakers.items():
            assert {index.utterances[i].speaker for i in getattr(parts, part)} == set(people)


def test_seeds_differ_and_repeat():
    index = index_of("EMB", EMODB)
    tests = [split(index, STRICT, seed).speakers["test"] for seed in range(5)]
    assert len(set(tests)) > 1
    assert tests == [split(index, STRICT, seed).speakers["test"] for seed in range(5)]


def test_shares_of_crema_d():
    people = [str(1001 + n) for n in range(91)]
    parts = split(index_of("CRE", people, each=1), PUBLISHED)
    assert [len(parts.speakers[p]) for p in ("train", "validation", "test")] == [63, 9, 19]


def test_two_speakers_test_on_one():
    index = index_of("TESS", ["OA", "YA"], each=10)
    parts = split(index, STRICT)
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [15, 5, 20]
    assert set(parts.speakers["train"]) == set(parts.speakers["validation"])
    assert not set(parts.speakers["train"]) & set(parts.speakers["test"])
    assert "in both train and validation" in leak_report(index, parts).lines()[0]


@pytest.mark.parametrize(("people", "folds"), [(EMODB, 5), (EMODB[:6], 3), (EMODB[:2], 2)])
def test_everyone_is_tested_once(people, folds):
    """By the folds of splits=folds:N; two speakers change places, which is no protocol's split."""
    index = index_of("EMB", people)
    splits = speaker_folds(index, STRICT)
    assert len(splits) == folds
    tested = [speaker for parts in splits for speaker in parts.speakers["test"]]
    assert sorted(tested) == people
    for fold, parts in enumerate(splits):
        assert parts.draw.name == f"{fold + 1}/{folds}"
        rows = np.concatenate([parts.train, parts.validation, parts.test])
        assert sorted(rows) == list(range(len(index.utterances)))
        assert not {*parts.speakers["test"]} & {*parts.speakers["train"]}


def test_one_speaker_is_refused():
    with pytest.raises(ValueError, match=r"1 speaker\(s\) can't be divided"):
        split(index_of("EMB", ["03"]), STRICT)


def test_published_splits_by_group_and_leaks():
    index = index_of("SHE", [f"F{n:02d}" for n in range(9)], groups=lambda who, n: f"{n:02d}")
    leaks = leak_report(index, split(index, PUBLISHED))
    assert not leaks.clean
    assert len(leaks.shared_speakers["train", "test"]) == 9
    assert leak_report(index, split(index, STRICT)).clean


def test_equal_recordings_are_found_across_parts():
    index = index_of("EMB", EMODB)
    parts = split(index, STRICT)
    utterances = list(index.utterances)
    one, other = parts.train[0], parts.test[0]
    twin = utterances[other].__dict__ | {"sha256": utterances[one].sha256}
    utterances[other] = Utterance(**twin)
    index = CorpusIndex("EMB", "/nowhere", index.emotions, tuple(utterances))
    leaks = leak_report(index, parts)
    assert leaks.duplicated_audio["train", "test"] == ((utterances[one], utterances[other]),)
    assert leaks.duplicated_audio["validation", "test"] == ()
    assert f"{utterances[one].id} = {utterances[other].id}" in leaks.lines()[0]
