"""Scripts as they are started: nothing left behind, any locale, a terminal or a file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serab.sweep.jobs import Outcome
from tests.support.paths import ROOT
from tests.support.small_corpus import make_corpus
from tests.support.training_run import ENVIRONMENT

QUICK = ["extractor=random", "extractor.encoder=cvt_small", "classifiers=[LDA]", "jobs=1"]


def script(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(ROOT / arguments[0]), *arguments[1:]],
        cwd=cwd, env={**ENVIRONMENT, **environment}, capture_output=True, timeout=120,
    )  # fmt: skip


def test_the_metric_to_optimise_is_named():
    metrics = {"test_accuracy": 0.9, "val_accuracy": 0.5}
    assert Outcome(metrics, "val_accuracy").value == 0.5
    assert Outcome(metrics, "UM").value is None
    assert Outcome({"loss": float("nan")}, "loss").value is None
    assert Outcome(metrics).value is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["train.py", "data=folder", "data.root=/nowhere"],
        ["train.py", "data=folder", "data.root=/nowhere", "run_dir=deep/in/it"],
        ["train.py", "evaluate.tasks=[XYZ]"],
        ["evaluate.py", "protocol=strct"],
        ["evaluate.py", "task=[EMB]"],
    ],
    ids=" ".join,
)
def test_what_never_began_leaves_nothing(tmp_path, arguments):
    """No run directory, no W&B run."""
    result = script(*arguments, cwd=tmp_path, SERAB_DATA="/nowhere")
    assert result.returncode == 1
    assert result.stderr.startswith(b"error: ")
    assert result.stderr.count(b"\n") == 1
    assert b"W&B" not in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_names_are_checked_before_heavy_imports(tmp_path):
    """A typo is answered without torch, scikit-learn and Lightning."""
    code = f"""
import runpy, sys
sys.path.insert(0, {str(ROOT)!r})
for arguments in (["protocol=strct"], ["tasks=[XYZ]"], ["splits=3"], ["tasks=[EMB]", "ckpt=no"]):
    sys.argv = ["evaluate.py", *arguments]
    try:
        runpy.run_path({str(ROOT / "evaluate.py")!r}, run_name="__main__")
    except SystemExit as stop:
        print(stop.code)
assert not {{"torch", "sklearn", "pytorch_lightning"}} & set(sys.modules)
import serab.evaluation, serab.extractors.encoder
later = {{"sklearn", "scipy", "numba", "matplotlib", "pandas", "skops", "pytorch_lightning"}}
assert not later & set(sys.modules), "what a finished run can do without"
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    sentences = result.stdout.splitlines()
    assert sentences[0] == "error: protocol=strct: expected one of published, strict."
    assert sentences[1].startswith("error: tasks: XYZ; expected codes among AES")
    assert sentences[2].startswith("error: splits=3: the published protocol has one split")
    assert sentences[3].startswith("error: ckpt=no: no such file or folder; give a run directory")


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}],
    ids=["latin-1", "C"],
)
def test_any_locale(tmp_path, environment):
    """An en dash in the last table doesn't end an evaluation that has done its work."""
    make_corpus(tmp_path / "data", "EMV")
    out = tmp_path / "out"
    result = script(
        "evaluate.py", "tasks=[EMV]", *QUICK, f"run_dir={out}",
        cwd=tmp_path, SERAB_DATA=str(tmp_path / "data"), **environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (out / "summary.json").is_file()
    assert (out / "evaluate.log").read_text(encoding="utf-8")
    assert b"?" in result.stdout


def test_a_path_that_hydra_reads_otherwise(tmp_path):
    """As the sentence of the bare one says, with quotes, it is the path."""
    folder = tmp_path / "ü=1 ${x}"
    folder.mkdir()
    bare = script("train.py", "data=folder", f"data.root={folder}", cwd=tmp_path)
    assert b"quote it twice: " in bare.stderr
    advised = bare.stderr.decode().split("quote it twice: ")[1].strip().removesuffix(".")
    command = f"{sys.executable} {ROOT / 'train.py'} data=folder {advised}"
    result = subprocess.run(
        command, shell=True, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert f"error: data.root={folder}: no recordings in it; expected files" in result.stderr


def with_small_disk(size: str, mounted: Path, arguments: str, **environment: str) -> str:
    """What a script says where a file system of `size` is mounted."""
    command = f"mount -t tmpfs -o size={size} tmpfs {mounted} || exit 77; exec {sys.executable} "
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", command + f"{ROOT}/{arguments}"],
        env={**ENVIRONMENT, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if result.returncode == 77 or "unshare" in result.stderr:
        pytest.skip("mounts aren't allowed here")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small /dev/shm")
def test_a_small_dev_shm(speech_folder, tmp_path):
    arguments = [
        "train.py",
        "data=folder",
        f"data.root={speech_folder}",
        f"run_dir={tmp_path}/run",
        "data.batch_size=8",
        "data.num_workers=2",
        "data.clip_seconds=2",
        "module.hidden_dim=4",
        "module.projector_dim=2",
        "encoder=cvt_small",
        "trainer.max_steps=2",
        "logger=none",
    ]
    error = with_small_disk("64k", Path("/dev/shm"), " ".join(arguments))
    assert "ran out of shared memory (/dev/shm); set data.num_workers=0" in error


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
@pytest.mark.parametrize("size", ["8k", "24k"])
def test_a_full_disk(tmp_path, size):
    make_corpus(tmp_path / "data", "EMV")
    disk = tmp_path / "disk"
    disk.mkdir()
    arguments = f"evaluate.py tasks=[EMV] {' '.join(QUICK)} run_dir={disk}/run"
    error = with_small_disk(size, disk, arguments, SERAB_DATA=str(tmp_path / "data"))
    assert error.startswith(f"error: {disk}/run/")
    assert "can't be written (No space left on device); make room" in error
    assert error.count("\n") == 1
