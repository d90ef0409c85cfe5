"""Divisions of the speakers: seeds, folds in which everyone is tested once, both protocols."""

import json
import logging

import numpy as np
import pytest

from serab.draws import Draw, draws
from serab.evaluation import plan, run_plan
from serab.extractors.base import Extractor
from serab.index import load_index
from serab.intervals import Over, Tally, accuracies, drawn, percentile_interval
from serab.launch.script import with_both_protocols
from serab.prepare.corpus import prepare
from serab.protocol import PUBLISHED, STRICT, protocols_named
from serab.report.blocks.cross_validation import cross_validation
from serab.report.compose import compose
from serab.report.runs import read_runs
from serab.report.words import percent
from serab.results.verify import verify_run
from serab.splits import leak_report, split
from serab.verify import main as verify
from tests.support.corpus_trees import write_wav
from tests.support.small_corpus import make_corpus


class Loudness(Extractor):
    """Three numbers of a waveform: enough to be right now and then."""

    name, sample_rate, fingerprint = "loudness", 16_000, "1" * 64
    embedded = 0

    def transform(self, waveforms):
        Loudness.embedded += len(waveforms)
        rows = [[np.abs(w).mean(), np.abs(w).max(), np.abs(np.diff(w)).mean()] for w in waveforms]
        return np.array(rows, np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    make_corpus(root, takes=1, seconds=0.1)
    return root


@pytest.fixture
def corpora(data, tmp_path, monkeypatch):
    monkeypatch.setenv("SERAB_DATA", str(data))
    monkeypatch.setenv("SERAB_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("folds", [2, 3, 5, 6])
def test_every_speaker_is_tested_once_and_validation_goes_round(folds, data):
    index = load_index("EMV", data)
    people = {u.speaker for u in index.utterances}
    tested, validated = [], []
    for draw in draws(STRICT, f"folds:{folds}", len(people)):
        parts = split(index, STRICT, draw)
        assert parts.draw == draw
        assert leak_report(index, parts).clean
        assert sum(map(len, (parts.train, parts.validation, parts.test))) == len(index.utterances)
        tested += parts.speakers["test"]
        validated += parts.speakers["validation"]
        assert parts.speakers["train"]
    assert sorted(tested) == sorted(people)
    assert len(set(validated)) == folds


def test_a_fold_a_speaker(data):
    found = draws(STRICT, "speakers", 6)
    assert found == tuple(Draw(n, 6) for n in range(6))
    assert [draw.name for draw in found[:2]] == ["1/6", "2/6"]
    assert draws(STRICT, 2, 6) == (Draw(0), Draw(1))
    index = load_index("EMV", data)
    assert {len(split(index, STRICT, draw).speakers["test"]) for draw in found} == {1}


@pytest.mark.parametrize(
    ("protocol", "splits", "speakers", "said"),
    [
        (STRICT, "speakers", 2, "2 speakers can't train, validate and test"),
        (STRICT, "folds:7", 6, "there are 6 speakers; splits=speakers is a fold for each"),
        (STRICT, "folds:1", 6, "splits=folds:1: expected a number from 1 on, speakers, or"),
        (STRICT, "folds", 6, "splits=folds: expected a number"),
        (STRICT, "people", 6, "splits=people: expected a number"),
        (PUBLISHED, "speakers", 6, "the published protocol has one split; add protocol=strict"),
    ],
)
def test_divisions_that_cannot_be(protocol, splits, speakers, said):
    with pytest.raises(ValueError, match=said):
        draws(protocol, splits, speakers)


def test_names_of_protocols():
    assert protocols_named("published,strict") == (PUBLISHED, STRICT)
    assert protocols_named(["strict", "strict"]) == (STRICT,)
    for wrong in ("", [], "published,lenient"):
        with pytest.raises(ValueError, match="protocol"):
            protocols_named(wrong)
    assert with_both_protocols(["protocol=published,strict", "tasks=[EMB]"]) == [
        "protocol=[published,strict]", "tasks=[EMB]",
    ]  # fmt: skip
    swept = ["-m", "protocol=published,strict"]
    assert with_both_protocols(swept) == swept


def test_cross_validation_from_plan_to_report(corpora, tmp_path, capsys):
    planned = plan("EMV", "strict", "folds:3", ["LDA"], 1)
    found = run_plan(planned, Loudness(), tmp_path / "run")
    printed = capsys.readouterr().out
    assert "EMV, strict, 3 folds, every speaker tested once" in printed
    answers = [json.loads(line) for line in (tmp_path / "run/predictions.jsonl").open()]
    right = {}
    for row in answers:
        for who, true, said in zip(row["speakers"], row["true"], row["predicted"], strict=True):
            right.setdefault(who, []).append(true == said)
    each = [np.mean(right[who]) for who in right]
    assert len(each) == 6
    assert found.metrics["EMV"] == pytest.approx(np.mean(each))
    summary = found.summary["splits"]["EMV"]
    tally = Tally(np.array(summary["accuracies"]), np.ones(6))
    interval = percentile_interval(accuracies(tally, drawn(6)), Over.SPEAKERS, 6)
    assert summary["over_speakers"] == [interval.low, interval.high]
    assert summary["folds"] == 3
    assert verify([str(tmp_path / "run")]) == 0

    (run,) = read_runs([tmp_path / "run"])
    (row,) = run.results
    assert (row.n_test, row.classifier, len(row.speakers)) == (42, "LDA 3×", 6)
    (*_, table) = cross_validation([run])
    assert table.rows[0][1:5] == ("EMV", "6", "3", f"**{percent(found.metrics['EMV'])}**")
    assert compose([run]).blocks

    again = run_plan(planned, Loudness(), tmp_path / "run")
    assert again.results == found.results
    with pytest.raises(ValueError, match="holds results of EMV over 3 folds of the speakers"):
        run_plan(plan("EMV", "strict", 1, ["LDA"], 1), Loudness(), tmp_path / "run")

    lines = (tmp_path / "run/results.jsonl").read_text().splitlines()
    row = json.loads(lines[1])
    row["by_speaker"][0] = 1 - row["by_speaker"][0] / 2
    lines[1] = json.dumps(row)
    (tmp_path / "run/results.jsonl").write_text("\n".join(lines) + "\n")
    assert any("by_speaker is" in text for text in verify_run(tmp_path / "run").wrong)


def test_both_protocols_embed_once_into_one_table(corpora, tmp_path, capsys):
    Loudness.embedded = 0
    planned = plan("EMV", ["published", "strict"], 1, ["LDA"], 1, cache=False)
    assert planned.metrics[:2] == ["val_accuracy", "test_accuracy"]
    assert "published_EMV" in planned.metrics
    found = run_plan(planned, Loudness(), tmp_path / "run")
    assert Loudness.embedded == 42
    printed = capsys.readouterr().out
    assert "SERAB, published and strict" in printed
    assert "strict, selected on validation" in printed
    assert list(found.summary["protocols"]) == ["published", "strict"]
    assert verify([str(tmp_path / "run")]) == 0
    assert [run.protocol.name for run in read_runs([tmp_path / "run"])] == ["published", "strict"]

    alone = run_plan(plan("EMV", "strict", 1, ["LDA"], 1), Loudness(), tmp_path / "alone")
    strict = [row for row in found.results if row.protocol == "strict"]
    assert [row.test_accuracy for row in strict] == [row.test_accuracy for row in alone.results]
    assert found.metrics["EMV"] == alone.metrics["EMV"]
    assert "folds" not in (tmp_path / "alone/results.jsonl").read_text()
    grown = run_plan(planned, Loudness(), tmp_path / "alone")
    assert {row.protocol for row in grown.results} == {"published", "strict"}


def test_official_parts_that_share_speakers(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    rows = ["path,speaker,emotion,split"]
    for number, part in enumerate(["train"] * 6 + ["dev"] * 2 + ["test"] * 4):
        write_wav(tmp_path / f"{number}.wav", samples=800)
        rows.append(f"{number}.wav,s{number % 6 // 2},{'ab'[number % 2]},{part}")
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n")
    prepare("MINE", [tmp_path / "mine.csv"])
    with pytest.raises(
        ValueError, match=r"3 speakers are in more than one .*; add allow_leaks=true"
    ):
        plan("MINE", "strict", 1, ["LDA"], 1)
    with pytest.raises(ValueError, match="splits=speakers: MINE has official parts"):
        plan("MINE", "strict", "speakers", ["LDA"], 1)
    with caplog.at_level(logging.INFO):
        planned = plan("MINE", "strict", 1, ["LDA"], 1, allow_leaks=True)
        found = run_plan(planned, Loudness(), tmp_path / "run")
    assert found.results[0].leaks
    assert plan("MINE", "published", 1, ["LDA"], 1).draws["MINE", "published"] == (Draw(0),)
