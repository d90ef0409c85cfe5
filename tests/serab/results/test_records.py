"""Result files: what is read is what was written; marks, stale rows and the summary by hand."""

import json
from dataclasses import replace

import pytest

from serab.protocol import PROTOCOLS
from serab.results.records import ClassifierResult, Predictions, marked
from serab.results.run_files import Rows, RunFiles
from serab.results.summary import summarise, write_summary

PUBLISHED, STRICT = PROTOCOLS["published"], PROTOCOLS["strict"]


def result(classifier="LDA", validation=0.5, test=0.5, task="EMB", **changes) -> ClassifierResult:
    row = ClassifierResult(
        task=task, extractor="e", protocol="published", classifier=classifier, params={"C": 1e-5},
        val_accuracy=validation, test_accuracy=test, test_uar=test, test_macro_f1=test,
        over_utterances=[0.1, 0.9], over_speakers=None, n_train=10, n_val=5, n_test=84,
        speakers=["03", "12"], embed_dim=512, chance=1 / 7, majority=0.3, seed=0, seconds=1.0,
        corpus_digest="d", extractor_fingerprint="f", scikit_learn="1", partial=False, demo=False,
        leaks=[],
    )  # fmt: skip
    return replace(row, **changes)


def test_files_are_read_as_written(tmp_path):
    rows = Rows(tmp_path / "r.jsonl", ClassifierResult)
    rows.put(result(), result("SVC", 1 / 3))
    again = Rows(tmp_path / "r.jsonl", ClassifierResult)
    assert list(again) == [result(), result("SVC", 1 / 3)]
    rows.put(result("SVC", 0.75))
    assert [r.val_accuracy for r in Rows(tmp_path / "r.jsonl", ClassifierResult)] == [0.5, 0.75]


def test_promised_keys(tmp_path):
    Rows(tmp_path / "r.jsonl", ClassifierResult).put(*marked([result()], all_tested=True))
    row = json.loads((tmp_path / "r.jsonl").read_text())
    promised = (
        "task extractor protocol classifier params val_accuracy test_accuracy test_uar "
        "n_train n_val n_test selected best_on_test"
    )
    assert set(promised.split()) <= row.keys()


def test_marks():
    rows = [result("LDA", 0.8, 0.9), result("LR", 0.9, 0.7), result("SVC", 0.9, 0.9)]
    after = marked(rows, all_tested=True)
    assert [r.selected for r in after] == [False, True, False]
    assert [r.best_on_test for r in after] == [True, False, False]
    untested = [replace(row, test_accuracy=None) for row in rows]
    assert {r.best_on_test for r in marked(untested, all_tested=False)} == {None}


def test_stale_results_are_dropped(tmp_path):
    files = RunFiles(tmp_path)
    row = result()
    files.results.put(row, result("SVC", corpus_digest="older"), result("SVC", task="RAV"))
    of = Predictions("EMB", "published", 0, "SVC", ["a"], ["u"], ["s"], ["a"], ["a"])
    files.predictions.put(of)
    files.drop_stale(files.results, ("EMB", "published", 0), row.source)
    assert [(r.task, r.classifier) for r in RunFiles(tmp_path).results] == [
        ("EMB", "LDA"),
        ("RAV", "SVC"),
    ]
    assert list(RunFiles(tmp_path).predictions) == []


@pytest.mark.parametrize("line", ["{", "{}", "[1]", "null"])
def test_a_damaged_file_is_named(tmp_path, line):
    path = tmp_path / "results.jsonl"
    Rows(path, ClassifierResult).put(result())
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=r"results\.jsonl: line 2"):
        RunFiles(tmp_path)


NINE = {"AES": 207, "CAF": 216, "CRE": 1556, "EMB": 84, "EMV": 196, "IEM": 1118, "RAV": 300,
        "SAV": 120, "SHE": 372}  # fmt: skip


def nine(skip=()):
    for i, (task, size) in enumerate(NINE.items()):
        if task not in skip:
            rows = [
                result("LDA", 0.9, 0.4 + i / 100, task, n_test=size),
                result("SVC", 0.8, 0.5 + i / 100, task, n_test=size),
            ]
            yield from marked(rows, all_tested=True)


def test_summary_of_all_nine():
    summary = summarise(nine(), PUBLISHED)
    assert summary["UM"] == pytest.approx(0.54)
    assert summary["selected"]["UM"] == pytest.approx(0.44)
    weighted = sum(size * (0.5 + i / 100) for i, size in enumerate(NINE.values()))
    assert summary["WM"] == pytest.approx(weighted / sum(NINE.values()))
    assert summary["missing"] == []
    assert summary["tasks"] == list(NINE)


def test_summary_while_one_is_missing(tmp_path):
    summary = summarise(nine(skip=["CRE"]), PUBLISHED)
    assert (summary["UM"], summary["WM"], summary["GM"]) == (None, None, None)
    assert summary["missing"] == ["CRE"]
    assert summary["present"]["UM"] == pytest.approx((0.54 * 9 - 0.52) / 8)
    assert json.loads(write_summary(summary, tmp_path).read_text())["UM"] is None


def test_demo_and_other_corpora_never_enter():
    extra = marked([result(task="DEMO", test=1.0, demo=True)], all_tested=True)
    extra += marked([result(task="TESS", test=1.0)], all_tested=True)
    summary = summarise([*nine(), *extra], PUBLISHED)
    assert summary["UM"] == pytest.approx(0.54)
    assert set(summary["accuracies"]) == set(NINE)
    alone = summarise(extra, PUBLISHED)
    assert alone["tasks"] == []
    assert alone["present"]["UM"] is None


def test_several_splits_are_averaged():
    rows = [
        replace(row, seed=seed, protocol="strict", selected=True, best_on_test=None)
        for seed, row in enumerate([result(test=0.6), result(test=0.8, n_test=90)])
    ]
    summary = summarise(rows, STRICT)
    assert summary["accuracies"]["EMB"] == pytest.approx(0.7)
    spread = summary["splits"]["EMB"]
    assert spread["seeds"] == [0, 1]
    assert spread["std"] == pytest.approx(0.02**0.5)
    assert (spread["min"], spread["max"]) == (0.6, 0.8)
