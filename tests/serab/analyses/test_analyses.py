"""The analyses on a small corpus of real audio: what they find, keep, show and refuse."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serab.analyses import cross, labels, noise, text, voices
from serab.analyses.folds import SpeakerFolds
from serab.analyses.run import check_analyses, run_analyses
from serab.embed.cache import Cache
from serab.protocol import STRICT
from serab.report.findings.blocks import SHOWN, shown
from serab.results.findings import ANALYSES, Measure
from serab.results.run_files import RunFiles
from serab.splits import split
from tests.support.analysed import Spectrum, analysed_corpus

NAMES = ("LDA",)
FIT_ONE_EACH = ("LDA", "SVC")
"""Of which SVC can be fitted to one utterance a class."""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("analyses")


@pytest.fixture(scope="module")
def folds(data) -> SpeakerFolds:
    index = analysed_corpus(data, takes=3)
    return SpeakerFolds(Spectrum(), index, Cache(data / "cache"), NAMES, jobs=1)


@pytest.fixture(scope="module")
def other(data) -> SpeakerFolds:
    index = analysed_corpus(data, "EMB", speakers=("03", "08", "09", "10", "11"))
    return SpeakerFolds(Spectrum(), index, Cache(data / "cache"), NAMES, jobs=1)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(labels, "SIZES", (1, 4, 64))
    monkeypatch.setattr(labels, "DRAWS", 2)


def found(findings, measure=Measure.ACCURACY, **condition):
    (finding,) = [
        f for f in findings if f.measure == measure and condition.items() <= f.condition.items()
    ]
    return finding


def test_labels(folds, quick, caplog):
    findings = labels.measure(
        SpeakerFolds(Spectrum(), folds.index, folds.cache, FIT_ONE_EACH, jobs=1)
    )
    everything = found(findings, classifier="selected", drawn_by="clip", per_class="all")
    few = found(findings, classifier="selected", drawn_by="clip", per_class=1)
    assert everything.n_test == few.n_test == 84  # two of the three folds
    assert everything.speakers == 4
    assert everything.value >= few.value > 1 / 7
    assert few.details["labels"] == 14
    by_clip = found(findings, classifier="probe", drawn_by="clip", per_class=4)
    by_speaker = found(findings, classifier="probe", drawn_by="speaker", per_class=4)
    assert by_clip.details["voices"] > by_speaker.details["voices"] == 2.0  # three takes each
    assert found(findings, Measure.DIFFERENCE, per_class=4).interval is not None
    assert not any(f.condition.get("per_class") == 64 for f in findings)  # it would be all again
    assert not any(f.condition.get("classifier") == "LDA" and f.condition["per_class"] == 1
                   for f in findings)  # fmt: skip
    several = SpeakerFolds(Spectrum(), folds.index, folds.cache, FIT_ONE_EACH, jobs=2)
    assert labels.measure(several) == findings  # in two processes


def test_labels_say_which_class_is_short(folds, quick, caplog, monkeypatch):
    monkeypatch.setattr(labels, "SIZES", (8,))
    kept = [u for u in folds.index.utterances if u.emotion != "fear" or u.id.endswith("0")]
    index = replace(folds.index, utterances=tuple(kept))
    fewer = SpeakerFolds(Spectrum(), index, folds.cache, NAMES, jobs=1)
    with caplog.at_level(logging.WARNING, "evaluate"):
        findings = labels.measure(fewer)
    sentence = "EMV: 8 training utterances a class were asked for, but fear has 3"
    assert sentence in caplog.text
    assert any(sentence in note for finding in findings for note in finding.notes)


def test_voices(folds):
    findings = voices.measure(folds)
    everyone = found(findings, of="all speakers")
    speakers = [f for f in findings if "speaker" in f.condition]
    assert len(speakers) == everyone.speakers == 6
    assert np.average([f.value for f in speakers], weights=[f.n_test for f in speakers]) == (
        pytest.approx(everyone.value)
    )
    women, men = (found(findings, sex=sex) for sex in ("female", "male"))
    gap = found(findings, Measure.DIFFERENCE, sex="female - male")
    assert gap.value == pytest.approx(women.value - men.value)
    assert gap.interval[0] <= gap.value <= gap.interval[1]
    assert {f.condition["duration"] for f in findings if "duration" in f.condition} == {
        *voices.DURATIONS, "long - short",
    }  # fmt: skip


def test_one_speaker_of_a_sex(folds, caplog):
    people = [replace(u, sex="female" if u.speaker == "f1" else "male")
              for u in folds.index.utterances]  # fmt: skip
    lone = SpeakerFolds(
        Spectrum(), replace(folds.index, utterances=tuple(people)), folds.cache, NAMES, 1
    )
    with caplog.at_level(logging.WARNING, "evaluate"):
        findings = voices.measure(lone)
    gap = found(findings, Measure.DIFFERENCE, sex="female - male")
    assert gap.interval is None
    assert "EMV: one speaker is female" in gap.notes[0]
    assert gap.notes[0] in caplog.text
    assert not any(f.measure == Measure.CONFUSION for f in findings)


def test_text(folds):
    findings = text.measure(folds)
    other_sentences, any_sentences = (found(findings, trained_on=k) for k in ("other", "any"))
    assert other_sentences.n_test == any_sentences.n_test == 126  # each tested once
    worth = found(findings, Measure.DIFFERENCE, trained_on="any - other")
    assert worth.value == pytest.approx(any_sentences.value - other_sentences.value)


def test_sentences_are_apart(folds):
    for division in text.sentence_divisions(folds.index):
        assert not division.test & (division.train | division.validation)
    tested = [name for division in text.sentence_divisions(folds.index) for name in division.test]
    assert sorted(tested) == ["0", "1", "2"]


def test_cross(folds, other):
    findings = cross.measure([folds, other])
    across = {
        f.condition["normalised"]: f
        for f in findings
        if (f.task, f.condition["trained_on"]) == ("EMB", "EMV")
    }
    assert set(across) == {"training", "per corpus, transductive"}
    strict = across["training"]
    assert strict.details["shared"] == "anger disgust fear happiness neutral sadness"
    assert (strict.n_test, strict.speakers) == (60, 5)  # two takes of these, without boredom
    within = [f for f in findings if f.task == f.condition["trained_on"]]
    assert [f.task for f in within] == ["EMV", "EMB"]


def test_cross_fits_extractor_and_classifiers_on_the_strict_split(folds, other, monkeypatch):
    fit, fitted, embed, embedded = cross.fit_extractor, {}, cross.embed_waveforms, {}

    def noted_fit(extractor, parts):
        fitted.update((reader.index.code, set(positions)) for reader, positions in parts)
        return fit(extractor, parts)

    def noted_embed(extractor, reader, positions):
        embedded.setdefault(reader.index.code, set(positions))  # first as training
        return embed(extractor, reader, positions)

    monkeypatch.setattr(cross, "fit_extractor", noted_fit)
    monkeypatch.setattr(cross, "embed_waveforms", noted_embed)
    cross.measure([other, folds])
    parts = split(folds.index, STRICT)
    assert fitted["EMV"] == set(parts.train)
    assert embedded["EMV"] <= {*parts.train, *parts.validation}
    assert embedded["EMV"] & set(parts.train)
    assert embedded["EMV"] & set(parts.validation)


def test_noise(folds, monkeypatch):
    pytest.importorskip("pyroomacoustics")
    chosen = [
        c for c in noise.CONDITIONS if c.name in ("white noise 0 dB", "gain +20 dB", "MP3 8 kbit/s")
    ]
    monkeypatch.setattr(noise, "CONDITIONS", chosen)
    findings = noise.measure(folds)
    clean = found(findings, kind="clean")
    noisy = found(findings, kind="white noise")
    lost = found(findings, Measure.DIFFERENCE, kind="white noise")
    assert lost.value == pytest.approx(noisy.value - clean.value)
    assert lost.value < -0.1  # bands of a spectrum are drowned
    assert noise.measure(folds) == findings


def test_run_keeps_shows_and_goes_on(data, folds, other, quick, capsys, monkeypatch):
    files = RunFiles(data / "run")
    indices = [folds.index, other.index]
    names = ("voices", "cross")
    run_analyses(names, indices, Spectrum(), files, folds.cache, NAMES, 1)
    printed = capsys.readouterr().out
    assert "across corpora" in printed
    assert "speaker f1 female" in printed
    kept = (data / "run" / ANALYSES).read_bytes()
    rows = [json.loads(line) for line in kept.splitlines()]
    assert {row["analysis"] for row in rows} == set(names)
    monkeypatch.setattr(SpeakerFolds, "choose", None)  # nothing is computed again
    run_analyses(names, indices, Spectrum(), RunFiles(data / "run"), folds.cache, NAMES, 1)
    assert (data / "run" / ANALYSES).read_bytes() == kept
    for name in names:
        members = [f for f in files.findings if f.analysis == name]
        block = shown(members)
        assert all(len(row) == len(block.table.header) for row in block.table.rows)
        assert block.pictures[0].light.startswith(b"\x89PNG")
    assert set(SHOWN) >= set(names)


def test_what_cannot_be_answered_is_refused(folds, other):
    with pytest.raises(ValueError, match=r"^analyses=\['lables'\]: expected a list from labels"):
        check_analyses(["lables"], [folds.index])
    with pytest.raises(ValueError, match="needs two corpora and there is EMV"):
        check_analyses(["cross"], [folds.index])
    strange = replace(other.index, emotions=("boredom", "anger"))
    with pytest.raises(ValueError, match=r"EMB and EMV share 1 emotion"):
        check_analyses("cross", [folds.index, strange])
    silent = replace(
        folds.index, utterances=tuple(replace(u, text=None) for u in folds.index.utterances)
    )
    with pytest.raises(ValueError, match="no two sentences are known"):
        check_analyses(["text"], [silent])
    with pytest.raises(ValueError, match="expected a task with emotion classes"):
        check_analyses(["labels"], [])
