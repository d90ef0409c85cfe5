"""evaluate.py as a user runs it: a small corpus of real audio, killed and continued, bad input."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from models.checkpoint import save_encoder
from models.encoders import encoder_spec, random_encoder
from serab.results.run_files import RunFiles
from tests.support.paths import ROOT
from tests.support.processes import kill_once, untimed
from tests.support.small_corpus import make_corpus

PROMISED = (
    "task extractor protocol classifier params val_accuracy test_accuracy test_uar n_train n_val "
    "n_test selected best_on_test"
)
QUICK = ["extractor=random", "extractor.encoder=cvt_small", "classifiers=[LDA,SVC]", "jobs=1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two corpora: one of the nine, and a demo."""
    root = tmp_path_factory.mktemp("data")
    make_corpus(root, "EMV")
    make_corpus(root, "DEMO", ("de_m1", "de_f1", "en_m1", "en_f1", "fr_m1"))
    return root


@pytest.fixture
def run(data, monkeypatch, capfd):
    """Calls evaluate.py in this process; gives what it printed."""

    def call(*overrides: str) -> str:
        monkeypatch.setenv("SERAB_DATA", str(data))
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(sys, "argv", ["evaluate.py", *overrides])
        runpy.run_path("evaluate.py", run_name="__main__")
        return capfd.readouterr().out

    return call


@pytest.fixture(scope="module")
def published(data, tmp_path_factory) -> Path:
    """A run that nothing disturbed."""
    run_dir = tmp_path_factory.mktemp("runs") / "published"
    result = subprocess.run(
        [sys.executable, "evaluate.py", "tasks=[EMV]", f"run_dir={run_dir}", *QUICK],
        cwd=ROOT, env={**os.environ, "SERAB_DATA": str(data), "COLUMNS": "120"},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for name in ("results.jsonl", "predictions.jsonl", "summary.json"):
        assert str(run_dir / name) in result.stdout
    for text in ("selected on validation", "best on test", "chance", "majority", "missing: AES"):
        assert text in result.stdout
    return run_dir


def test_results(published):
    rows = [json.loads(line) for line in (published / "results.jsonl").read_text().splitlines()]
    assert [row["classifier"] for row in rows] == ["LDA", "SVC"]
    for row in rows:
        assert set(PROMISED.split()) <= row.keys()
        assert (row["task"], row["protocol"]) == ("EMV", "published")
        assert (row["n_train"], row["n_val"], row["n_test"]) == (42, 14, 28)
        assert row["test_accuracy"] * 28 == pytest.approx(round(row["test_accuracy"] * 28))
    assert sum(row["selected"] for row in rows) == 1
    assert sum(row["best_on_test"] for row in rows) == 1
    assert max(row["test_accuracy"] for row in rows) > 1.5 / 7  # the pitch can be heard
    summary = json.loads((published / "summary.json").read_text())
    assert (summary["UM"], summary["tasks"], len(summary["missing"])) == (None, ["EMV"], 8)
    assert "tasks:\n- EMV" in (published / "config.yaml").read_text()


def test_strict_tests_the_selected_one_only(run, tmp_path):
    out = run("tasks=[EMV]", "protocol=strict", "splits=2", f"run_dir={tmp_path}", *QUICK)
    rows = list(RunFiles(tmp_path).results)
    assert [(row.seed, row.classifier) for row in rows] == [
        *((0, "LDA"), (0, "SVC")),
        *((1, "LDA"), (1, "SVC")),
    ]
    for row in rows:
        assert (row.test_accuracy is None) is not row.selected
        assert row.best_on_test is None
    assert {p.slot for p in RunFiles(tmp_path).predictions} == {r.slot for r in rows if r.selected}
    assert "2 splits" in out
    assert "±" in out


def test_demo_is_never_beside_real_tasks(run, tmp_path):
    out = run(f"run_dir={tmp_path / 'default'}", *QUICK)
    assert "DEMO" not in out  # not run unless it is named
    assert "python -m serab.predict FOLDER --from" in out
    assert (tmp_path / "default/classifiers/EMV-published.json").is_file()
    out = run("tasks=[DEMO,EMV]", f"run_dir={tmp_path / 'both'}", "keep=false", *QUICK)
    assert not (tmp_path / "both/classifiers").exists()
    assert "DEMO, not a benchmark" in out
    table = out[out.index("SERAB, published") :]
    assert "EMV" in table
    assert "DEMO" not in table
    summary = json.loads((tmp_path / "both/summary.json").read_text())
    assert summary["tasks"] == ["EMV"]


def test_a_checkpoint_of_training(run, tmp_path):
    model = random_encoder("cvt_small", seed=3)
    spec = encoder_spec(model.encoder, model.frontend)
    save_encoder(
        tmp_path / "run/encoder.safetensors", spec, model.encoder.state_dict(), (-5.0, 4.0)
    )
    run(f"ckpt={tmp_path / 'run'}", "tasks=EMV", f"run_dir={tmp_path / 'out'}", "classifiers=[LDA]")
    (row,) = RunFiles(tmp_path / "out").results
    assert (row.extractor, row.embed_dim) == ("cvt_small", 256)


def test_killed_and_started_again(published, data, tmp_path):
    """SIGKILL after the first classifier: the second start has only the second one to do."""
    command = [sys.executable, "evaluate.py", "tasks=[EMV]", f"run_dir={tmp_path}", *QUICK]
    environment = {**os.environ, "SERAB_DATA": str(data)}
    kill_once(tmp_path / "results.jsonl", command, environment)
    before = [row.classifier for row in RunFiles(tmp_path).results]
    assert before == ["LDA"]
    assert not (tmp_path / "summary.json").exists()

    again = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )
    assert again.returncode == 0, again.stderr
    assert re.findall(r"^EMV (\w+) +validation", again.stdout, re.MULTILINE) == ["SVC"]
    assert untimed(tmp_path) == untimed(published)


def test_finished_runs_are_read_not_repeated(run, published):
    before = (published / "results.jsonl").read_bytes()
    out = run("tasks=[EMV]", f"run_dir={published}", *QUICK)
    assert not re.findall(r"^EMV (\w+) +validation", out, re.MULTILINE)
    assert (published / "results.jsonl").read_bytes() == before


@pytest.mark.parametrize("change", ["protocol=strict", "extractor.seed=1"])
def test_a_run_directory_holds_one_run(run, published, change):
    before = (published / "results.jsonl").read_bytes()
    with pytest.raises(SystemExit) as error:
        run("tasks=[EMV]", f"run_dir={published}", *QUICK, change)
    assert "choose another run_dir" in str(error.value.code)
    assert (published / "results.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("overrides", "culprit", "way_out"),
    [
        (["tasks=[XYZ]"], "XYZ", "EMB"),
        (["tasks=[]"], "tasks", "EMB"),
        (["tasks=[RAV]"], "RAV", "serab.prepare RAV"),
        (["protocol=lenient"], "lenient", "strict"),
        (["splits=3"], "splits=3", "protocol=strict"),
        (["classifiers=[MLP]"], "MLP", "SVC"),
        (["extractor.encoder=resnet"], "resnet", "audio_ntt_512"),
        (["extractor=encoder"], "ckpt=", "RUN_DIR_OR_FILE"),
        (["extractor=encoder", "ckpt=nowhere"], "nowhere", "run directory"),
        (["extractor=byol_a_512"], "extractor.accept_licence=true", "evaluation only"),
        (["extractor=byol_s_512", "extractor.weights={cut}"], "cut.pth", "copy it again"),
        (["extractor=byol_s_512", "extractor.weights={other}"], "audio_ntt_512", "cvt_small"),
    ],
)
def test_bad_input_is_one_sentence(run, tmp_path, overrides, culprit, way_out):
    cut = tmp_path / "cut.pth"
    cut.write_bytes(b"PK\x03\x04" + b"\0" * 500)
    model = random_encoder("cvt_small")
    other = save_encoder(
        tmp_path / "other.safetensors",
        encoder_spec(model.encoder, model.frontend), model.encoder.state_dict(), (0.0, 1.0),
    )  # fmt: skip
    overrides = [text.format(cut=cut, other=other) for text in overrides]
    quick = [q for q in QUICK if q.split("=")[0] not in {o.split("=")[0] for o in overrides}]
    if "extractor" in {o.split("=")[0] for o in overrides}:
        quick = [q for q in quick if not q.startswith("extractor.")]
    with pytest.raises(SystemExit) as error:
        run(*overrides, *quick, f"run_dir={tmp_path / 'run'}")
    message = str(error.value.code)
    assert message.startswith("error: ")
    assert culprit in message
    assert way_out in message
    assert not (tmp_path / "run/results.jsonl").exists()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["extractor.seed=abc"], "extractor.seed=abc: expected a whole number."),
        (["extractor.seed=1.5"], "extractor.seed=1.5: expected a whole number."),
        (["jobs=abc"], "jobs=abc: expected a whole number."),
        (
            ["splits=abc"],
            "splits=abc: expected a number from 1 on, speakers, or folds:N",
        ),
        (["cache=abc"], "cache=abc: expected true or false."),
    ],
)
def test_a_word_for_a_number_is_named_with_its_key(run, tmp_path, overrides, sentence):
    with pytest.raises(SystemExit) as error:
        run("tasks=[EMV]", *QUICK, *overrides, f"run_dir={tmp_path}")
    assert str(error.value.code).startswith(f"error: {sentence}")


def test_so_it_is_in_a_sweep_and_in_training(run, tmp_path, monkeypatch):
    with pytest.raises(SystemExit):
        run("-m", "tasks=[EMV]", *QUICK, "extractor.seed=abc", f"run_dir={tmp_path / 'sweep'}")
    job = json.loads((tmp_path / "sweep/0/job.json").read_text())
    assert job["error"] == "extractor.seed=abc: expected a whole number."
    monkeypatch.setattr(sys, "argv", ["train.py", "seed=abc", f"run_dir={tmp_path / 'train'}"])
    with pytest.raises(SystemExit) as error:
        runpy.run_path("train.py", run_name="__main__")
    assert "error: seed=abc: expected a whole number." in str(error.value.code)


def test_what_only_we_can_mend_keeps_its_traceback(run, tmp_path, monkeypatch):
    monkeypatch.setattr("serab.evaluation.plan", lambda *_: len(3))
    with pytest.raises(TypeError, match=r"object of type 'int' has no len\(\)"):
        run("tasks=[EMV]", *QUICK, f"run_dir={tmp_path}")


@pytest.mark.parametrize("sweep", [[], ["-m", "extractor.seed=0,1"]], ids=["run", "sweep"])
def test_a_run_dir_that_cannot_be_made_is_one_sentence(run, tmp_path, sweep):
    """Hydra would make it before it calls us, and answer with a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as error:
        run(*sweep, "tasks=[EMV]", *QUICK, f"run_dir={tmp_path / 'file' / 'run'}")
    expected = f"error: run_dir={tmp_path}/file/run: can't be made or written to (Not a dir"
    assert str(error.value.code).startswith(expected)


def test_exit_code(tmp_path):
    result = subprocess.run(
        [sys.executable, "evaluate.py", "tasks=[XYZ]", f"run_dir={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.strip().startswith("error: tasks: XYZ")
    assert "Traceback" not in result.stderr
