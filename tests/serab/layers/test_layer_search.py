"""The layer chosen on validation: per classifier, first of equals; told, drawn, verified, kept."""

import csv
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from serab.classifiers import CLASSIFIERS
from serab.layer_search import PreparedLayers
from serab.predict.__main__ import main as predict
from serab.protocol import PUBLISHED, STRICT
from serab.report.write import write_report
from serab.results.run_files import RunFiles
from serab.search import PreparedTask, Task
from serab.sweep import record
from serab.verify import main as verify
from tests.support.foreign_models import save_transformers
from tests.support.paths import ROOT
from tests.support.small_corpus import make_corpus
from tests.support.small_run import edit


def tasks(signal: tuple[float, ...], changed_test: bool = False) -> list[Task]:
    """A task a layer, whose classes are apart by `signal`."""
    targets = np.array(["anger", "fear", "joy"] * 40)
    speakers = np.repeat(np.arange(6), 20)
    found = []
    for layer, distance in enumerate(signal):
        random = np.random.default_rng(layer if distance < 2 else 9)
        means = random.normal(size=(3, 8)) * distance
        classes = np.searchsorted(["anger", "fear", "joy"], targets)
        embeddings = (means[classes] + random.normal(size=(120, 8))).astype(np.float32)
        if changed_test:
            embeddings[80:] = random.normal(size=(40, 8))
        found.append(Task(embeddings, targets, speakers, 60, 20))
    return found


@pytest.mark.parametrize("protocol", [PUBLISHED, STRICT], ids=lambda protocol: protocol.name)
def test_the_best_layer_and_the_first_of_equals(protocol):
    by_layer = tasks((0.3, 3.0, 3.0, 0.3))  # layers 1 and 2 are the same
    prepared = PreparedLayers((4, 5, 6, 7), lambda layer: by_layer[layer - 4], protocol, 1)
    for name in ("LDA", "QDA"):
        alone = [PreparedTask(task, protocol, 1) for task in by_layer]
        searched = [one.search(CLASSIFIERS[name]) for one in alone]
        found = prepared.search(CLASSIFIERS[name])
        assert found.by_layer == tuple(one.val_score for one in searched)
        assert found.by_layer[1] == found.by_layer[2] == max(found.by_layer)
        assert found.params == {"layer": 5, **searched[1].params}
        assert found.val_score == searched[1].val_score
        said = prepared.predict_test(CLASSIFIERS[name], found.params)
        assert np.array_equal(said, alone[1].predict_test(CLASSIFIERS[name], searched[1].params))
    assert prepared.task.n_fit == 80


def test_no_test_utterance_takes_part():
    found = []
    for changed in (False, True):
        by_layer = tasks((0.5, 1.0, 0.8), changed)
        prepared = PreparedLayers((0, 1, 2), by_layer.__getitem__, STRICT, 1)
        found.append(prepared.search(CLASSIFIERS["LDA"]))
    assert found[0].params == found[1].params
    assert found[0].by_layer == found[1].by_layer


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="pip install transformers==5.23.0")
    root = tmp_path_factory.mktemp("place")
    make_corpus(root / "data", takes=3, seconds=0.3)
    save_transformers(root)
    return root


@pytest.fixture
def run(place: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    """Calls evaluate.py in this process; gives what it printed."""

    def call(*overrides: str) -> str:
        monkeypatch.setenv("SERAB_DATA", str(place / "data"))
        monkeypatch.chdir(ROOT)
        model = f"extractor.model={place / 'hubert'}"
        options = ["extractor=transformers", model, "extractor.device=cpu", "jobs=1", *overrides]
        monkeypatch.setattr(sys, "argv", ["evaluate.py", *options])
        monkeypatch.setattr(record, "_begun", [])  # of sweeps that ran in this process before
        runpy.run_path("evaluate.py", run_name="__main__")
        return capfd.readouterr().out

    return call


def test_from_the_command_to_the_report(run, place: Path, tmp_path: Path, capfd):
    run_dir = place / "strict"
    command = ["extractor.layer=all", "protocol=strict", "classifiers=[LDA,SVC]"]
    run(*command, f"run_dir={run_dir}")
    rows = {row.classifier: row for row in RunFiles(run_dir).results}
    scores = {found.result[-1]: found for found in RunFiles(run_dir).layers}
    assert set(rows) == set(scores) == {"LDA", "SVC"}
    for name, row in rows.items():
        assert scores[name].layers == [0, 1, 2]
        assert row.params["layer"] == scores[name].chosen
        assert row.val_accuracy == max(scores[name].validation)
        assert row.embed_dim == 16
    assert sum(row.test_accuracy is not None for row in rows.values()) == 1

    # the chosen layer alone gives the same
    chosen = next(row for row in rows.values() if row.selected)
    alone = place / "alone"
    run(f"extractor.layer={chosen.params['layer']}", *command[1:], f"run_dir={alone}")
    same = next(r for r in RunFiles(alone).results if r.classifier == chosen.classifier)
    assert same.val_accuracy == chosen.val_accuracy
    assert same.params == {k: v for k, v in chosen.params.items() if k != "layer"}
    assert not (alone / "layers.jsonl").exists()

    before = {path.name: path.read_bytes() for path in run_dir.glob("*.jsonl")}
    run(*command, f"run_dir={run_dir}")  # nothing is done again
    assert {path.name: path.read_bytes() for path in run_dir.glob("*.jsonl")} == before

    write_report([run_dir], tmp_path / "report")
    page = (tmp_path / "report/report.md").read_text()
    assert "## Layers" in page
    assert f"| SVC | {scores['SVC'].chosen} |" in page
    assert (tmp_path / "report/pictures/layers-EMV-hubert-strict.png").stat().st_size > 5000
    write_report([alone], tmp_path / "plain")
    assert "Layers" not in (tmp_path / "plain/report.md").read_text()

    assert verify([str(run_dir)]) == 0
    index = [found.result[-1] for found in RunFiles(run_dir).layers].index("LDA")
    found = scores["LDA"].validation
    edit(run_dir / "layers.jsonl", index, validation=[1.0, *found[1:-1], 1.0])
    capfd.readouterr()
    assert verify([str(run_dir)]) == 1
    printed = "".join(capfd.readouterr())
    assert "layers.jsonl was changed" in printed
    assert re.search(r"LDA: has the layer \d with .*; by layers\.jsonl it is 0 with 1", printed)


def test_a_kept_classifier_is_given_its_layer(run, place: Path, tmp_path: Path):
    run_dir = tmp_path / "run"
    run("extractor.layer=all", "protocol=strict", "classifiers=[LDA]", f"run_dir={run_dir}")
    (answers,) = RunFiles(run_dir).predictions
    audio = place / "data/EMV/audio"
    (tmp_path / "in").mkdir()
    for name in answers.utterances:
        (tmp_path / "in" / f"{name}.wav").write_bytes((audio / f"{name}.wav").read_bytes())
    out = tmp_path / "emotions.csv"
    arguments = [str(tmp_path / "in"), "--from", str(run_dir), "--task", "EMV", "--out", str(out)]
    assert predict(arguments) == 0
    with out.open(newline="") as table:
        told = {Path(row["file"]).stem: row["label"] for row in csv.DictReader(table)}
    assert told == dict(zip(answers.utterances, answers.predicted, strict=True))
