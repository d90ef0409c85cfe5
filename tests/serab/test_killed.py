"""An evaluation killed at five random moments and started again gives the undisturbed result."""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from serab.classification import ClassificationRunner
from serab.extractors.encoder import RandomExtractor
from serab.index import load_index
from serab.protocol import PROTOCOLS
from serab.report.runs import read_runs
from serab.results.merge import merge_runs
from serab.results.run_files import RunFiles
from serab.results.summary import summarise
from serab.search import PreparedTask
from tests.support.paths import ROOT
from tests.support.small_corpus import make_corpus

KILLS = 5
RUN = """
import sys, time
from pathlib import Path

from serab.protocol import PROTOCOLS
from serab.classification import ClassificationRunner
from serab.extractors.encoder import RandomExtractor
from serab.index import load_index
from serab.results.run_files import RunFiles
from serab.search import PreparedTask

root, run_dir, journal = map(Path, sys.argv[1:])
search = PreparedTask.search

def noted(self, candidate, *more):
    with journal.open("a") as file:
        file.write(f"{candidate.name}\\n")
    return search(self, candidate, *more)

PreparedTask.search = noted
print("ready", flush=True)
began = time.perf_counter()
runner = ClassificationRunner(
    RandomExtractor("cvt_small", device="cpu"),
    PROTOCOLS["published"], RunFiles(run_dir), jobs=2,
)
runner.run(load_index("EMV", root))
print(time.perf_counter() - began, flush=True)
"""


def start(root: Path, run_dir: Path, journal: Path) -> subprocess.Popen:
    """A run that is ready to begin."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(root), str(run_dir), str(journal)],
        cwd=ROOT,
        env={**os.environ, "SERAB_CACHE": str(run_dir.parent / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == "ready", process.stderr.read()
    return process


def rows(path: Path) -> list[dict]:
    """Of a result file, but for the time that they took."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in lines]


@pytest.mark.timeout(280)
def test_killed_at_five_random_moments(tmp_path):
    make_corpus(tmp_path / "data", "EMV")
    (whole := tmp_path / "whole").mkdir()
    (disturbed := tmp_path / "disturbed").mkdir()

    started = whole / "journal"
    process = start(tmp_path / "data", whole / "run", started)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    seconds = float(out)
    assert started.read_text().split() == ["LDA", "QDA", "LR", "SVC", "RF"]

    journal, results, moments = disturbed / "journal", disturbed / "run/results.jsonl", []
    dice = random.Random(0)
    for _ in range(KILLS):
        done = {row["classifier"] for row in rows(results)}
        before = journal.read_text().split() if journal.exists() else []
        process = start(tmp_path / "data", disturbed / "run", journal)
        try:
            process.wait(dice.uniform(0.05, 0.6) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        moments.append(sorted(done))
        begun = journal.read_text().split()[len(before) :] if journal.exists() else []
        assert not done & set(begun), "what was there was done again"
        finished = {row["classifier"] for row in rows(results)} - done
        assert len(set(begun) - finished) <= 1, "more than the one in flight was lost"
    process = start(tmp_path / "data", disturbed / "run", journal)
    assert process.wait(200) == 0

    assert moments[0] == []
    assert len(journal.read_text().split()) <= 5 + KILLS
    for name in ("results.jsonl", "predictions.jsonl"):
        assert rows(disturbed / "run" / name) == rows(whole / "run" / name)


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """Evaluates classifiers under the strict protocol; `stop` where the test part comes in."""
    make_corpus(tmp_path / "data", "EMV")
    monkeypatch.setenv("SERAB_CACHE", str(tmp_path / "cache"))
    extractor, index = (
        RandomExtractor("cvt_small", device="cpu"),
        load_index("EMV", tmp_path / "data"),
    )

    def killed(*_) -> None:
        raise KeyboardInterrupt

    def evaluate(name: str, *classifiers: str, stop: bool = False) -> RunFiles:
        files = RunFiles(tmp_path / "sweep" / name)
        runner = ClassificationRunner(extractor, PROTOCOLS["strict"], files, classifiers, jobs=1)
        if not stop:
            runner.run(index)
            return files
        with monkeypatch.context() as patch:
            patch.setattr(PreparedTask, "predict_test", killed)
            with pytest.raises(KeyboardInterrupt):
                runner.run(index)
        return files

    return evaluate


def test_stopped_before_the_test_is_not_finished(evaluated):
    left = evaluated("0", "LDA", stop=True)
    assert [(row.selected, row.test_accuracy) for row in left.results] == [(False, None)]
    assert summarise(left.results, PROTOCOLS["strict"])["accuracies"] == {}
    with pytest.raises(ValueError, match="no finished results"):
        read_runs([left.run_dir])
    assert [row.selected for row in evaluated("0", "LDA").results] == [True]


def test_a_better_one_is_tested_after_a_stop(evaluated):
    """Also where another one, that was the best before, has its test scores."""
    first = evaluated("0", "LDA").results
    first.put(*(replace(row, val_accuracy=0.0) for row in first))
    left = evaluated("0", "SVC", stop=True)
    assert [row.selected for row in left.results] == [True, False]
    both = evaluated("0", "LDA", "SVC")
    assert [row.selected for row in both.results] == [False, True]
    assert all(row.test_accuracy is not None for row in both.results)


def test_merged_with_a_stopped_one_is_not_finished(evaluated):
    """The best of both isn't tested, so no other may stand for it."""
    left, whole = evaluated("0", "LDA", stop=True), evaluated("1", "SVC")
    left.results.put(*(replace(row, val_accuracy=1.0) for row in left.results))
    merged = RunFiles(merge_runs([whole.run_dir, left.run_dir], whole.run_dir.parent / "merged/of"))
    assert [(row.classifier, row.selected, row.test_accuracy) for row in merged.results] == [
        ("SVC", False, None),
        ("LDA", False, None),
    ]
    assert not list(merged.predictions)
