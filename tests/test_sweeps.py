"""Sweeps as a user starts them: every launcher, failing jobs, kills, restarts, merged results."""

import csv
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serab.report.__main__ import main as report
from serab.report.runs import read_runs
from serab.results.merge import merge_runs
from serab.results.run_files import RunFiles
from serab.run_dir import RunInUse, hold
from serab.sweep.__main__ import main
from serab.sweep.jobs import Outcome, Status, read_job, run_job
from serab.sweep.processes import run_each
from serab.sweep.record import _begun, read_jobs
from tests.support.paths import ROOT
from tests.support.processes import kill_once, untimed
from tests.support.small_corpus import make_corpus
from tests.support.training_run import ENVIRONMENT, SMALL
from tests.support.wandb_files import wandb_records

QUICK = ["extractor=random", "extractor.encoder=cvt_small", "classifiers=[LDA]", "jobs=1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    make_corpus(root, "EMV")
    make_corpus(root, "SAV", ("DC", "JE", "JK", "KL"))
    return root


@pytest.fixture
def sweep(data, monkeypatch, capfd, tmp_path_factory):
    """Calls evaluate.py -m in this process, from elsewhere; its exit status and what it printed."""

    def call(*overrides: str) -> tuple[object, str]:
        monkeypatch.setenv("SERAB_DATA", str(data))
        monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
        monkeypatch.setenv("PYTHONPATH", "")
        monkeypatch.setattr(sys, "argv", ["evaluate.py", "-m", *QUICK, *overrides])
        _begun.clear()
        status = 0
        try:
            runpy.run_path(str(ROOT / "evaluate.py"), run_name="__main__")
        except SystemExit as stop:
            status = stop.code
        printed = capfd.readouterr()
        return status, printed.out + printed.err

    return call


def table(sweep_dir: Path) -> list[dict[str, str]]:
    with (sweep_dir / "sweep.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_failed_job_takes_no_other_with_it(sweep, tmp_path):
    """Nor does it when the sweep is started again, which does what is missing and no more."""
    asked = ("tasks=[EMV],[XYZ],[SAV]", f"run_dir={tmp_path}")
    status, printed = sweep(*asked)
    assert status == 1
    rows = table(tmp_path)
    assert [row["status"] for row in rows] == ["finished", "failed", "finished"]
    assert [row["tasks"] for row in rows] == ["[EMV]", "[XYZ]", "[SAV]"]
    assert rows[1]["error"].startswith("tasks: XYZ; expected codes among AES")
    for row, task in ((rows[0], "EMV"), (rows[2], "SAV")):
        (result,) = RunFiles(Path(row["run_dir"])).results
        assert float(row[task]) == float(row["test_accuracy"]) == result.test_accuracy
        assert float(row["val_accuracy"]) == result.val_accuracy
    assert "error: job 1: tasks: XYZ" in printed
    assert "error: 1 of 3 jobs aren't finished; start them again with: python" in printed
    assert "Traceback" not in printed

    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("[02]/*.json*")}
    make_corpus(Path(os.environ["SERAB_DATA"]), "EMV")  # were it read, it would be another corpus
    status, printed = sweep(*asked)
    assert status == 1
    assert "job 0 is finished and kept" in printed
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("[02]/*.json*")} == before
    assert table(tmp_path)[0] == rows[0]

    status, printed = sweep("tasks=[EMV],[SAV]", f"run_dir={tmp_path}")
    assert status == f"error: run_dir={tmp_path}: holds the sweep {' '.join(QUICK)} " + (
        "tasks=[EMV],[XYZ],[SAV]; go on with that one or choose another run_dir."
    )


@pytest.mark.parametrize("launcher", ["joblib", "local"])
def test_launchers(sweep, tmp_path, launcher):
    """Jobs in processes of their own give what they give one after the other."""
    asked = ("tasks=[EMV]", "extractor.encoder=cvt_small,resnet")
    assert sweep(*asked, f"run_dir={tmp_path / 'plain'}")[0] == 1
    more = ["hydra.launcher.n_jobs=2"] if launcher == "joblib" else []
    status, printed = sweep(*asked, f"sweep={launcher}", *more, f"run_dir={tmp_path / 'beside'}")
    assert status == 1, printed
    plain, beside = ([*read_jobs(tmp_path / name).values()] for name in ("plain", "beside"))
    assert [job.status for job in beside] == [Status.FINISHED, Status.FAILED]
    planned = json.loads((tmp_path / "beside/sweep.json").read_text())["jobs"]
    assert planned == [job.overrides for job in beside]
    assert [(job.metrics, job.error) for job in beside] == [(j.metrics, j.error) for j in plain]


def test_a_mistyped_sweep_does_not_keep_its_directory(sweep, tmp_path):
    status, _ = sweep("taks=[EMV],[SAV]", f"run_dir={tmp_path}")
    assert status not in (0, None)
    status, printed = sweep("tasks=[EMV],[SAV]", f"run_dir={tmp_path}")
    assert status == 0, printed


def test_a_search_for_the_largest_loss_is_refused(monkeypatch, tmp_path, capfd):
    asked = ["sweep=optuna", "hydra.sweeper.n_trials=1", "seed=choice(1,2)", "logger=none"]
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", *asked, f"run_dir={tmp_path}"])
    monkeypatch.chdir(ROOT)
    _begun.clear()
    with pytest.raises(SystemExit):
        runpy.run_path("train.py", run_name="__main__")
    printed = capfd.readouterr()
    assert "add hydra.sweeper.direction=minimize" in printed.out + printed.err


def test_optuna_goes_on_after_a_failed_trial(sweep, tmp_path):
    asked = [
        *("sweep=optuna", "tasks=[EMV]", "optimize=val_accuracy"),
        *("extractor.encoder=choice(resnet,cvt_small,audio_ntt_512)", "hydra.sweeper.n_trials=3"),
        *(f"hydra.sweeper.storage=sqlite:///{tmp_path}/study.db", "hydra.sweeper.study_name=s"),
    ]
    status, printed = sweep(*asked, "hydra.sweeper.sampler.seed=3", f"run_dir={tmp_path / 'a'}")
    assert status in (0, 1), printed
    jobs = list(read_jobs(tmp_path / "a").values())
    assert len(jobs) == 3
    best = max(job.metrics["val_accuracy"] for job in jobs if job.metrics)
    assert f"best_value: {best}" in (tmp_path / "a/optimization_results.yaml").read_text()
    (tmp_path / "a/2/job.json").unlink()  # as if it had been killed before its last trial
    assert main([str(tmp_path / "a")]) == 1
    assert table(tmp_path / "a")[2]["status"] == "not started"
    status, _ = sweep(*asked, f"run_dir={tmp_path / 'a'}")
    assert "holds a search, whose sampler chooses other jobs now" in str(status)


def test_unknown_metric(sweep, tmp_path):
    _, printed = sweep("tasks=[EMV]", "optimize=accuracy", f"run_dir={tmp_path}")
    assert "optimize=accuracy: expected one of val_accuracy, test_accuracy, EMV." in printed
    assert not (tmp_path / "0/results.jsonl").exists()


def test_killed_sweep_has_a_table_and_goes_on(data, tmp_path, capsys):
    command = [sys.executable, "evaluate.py", "-m", *QUICK, "tasks=[SAV],[EMV]"]
    command += [f"run_dir={tmp_path}"]
    environment = {**os.environ, "SERAB_DATA": str(data)}
    kill_once(tmp_path / "1/job.json", command, environment)
    assert main([str(tmp_path)]) == 1
    rows = table(tmp_path)
    assert rows[0]["status"] == "finished"
    assert rows[1]["status"] == "started"
    assert "jobs aren't finished; start them again with: python evaluate.py -m" in (
        capsys.readouterr().err
    )
    kept = (tmp_path / "0/results.jsonl").stat().st_mtime_ns
    again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert [row["status"] for row in table(tmp_path)] == ["finished"] * 2
    assert (tmp_path / "0/results.jsonl").stat().st_mtime_ns == kept


def test_table_of_nothing(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "no sweep.json in it; give the directory of a sweep" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", ["published", "strict"])
def test_merged_runs_are_the_one_run(sweep, tmp_path, protocol):
    """Tasks and classifiers apart, then merged: the rows of a run that has them all."""
    rules = (f"protocol={protocol}",)
    apart = ("tasks=[EMV],[SAV]", "classifiers=[LDA],[QDA]", f"run_dir={tmp_path / 'apart'}")
    together = ("tasks=[EMV,SAV]", "classifiers=[LDA,QDA]", f"run_dir={tmp_path / 'together'}")
    status, printed = sweep(*rules, *apart)
    assert status == 0, printed
    assert sweep(*rules, *together)[0] == 0
    (merged,) = (tmp_path / "apart/merged").iterdir()
    whole = tmp_path / "together/0"
    key = lambda row: (row["task"], row["classifier"])  # noqa: E731
    assert sorted(untimed(merged), key=key) == sorted(untimed(whole), key=key)
    of = [json.loads((run / "summary.json").read_text()) for run in (merged, whole)]
    assert of[0] == of[1]
    slots = [{row.slot for row in RunFiles(run).predictions} for run in (merged, whole)]
    assert slots[0] == slots[1]
    (run,) = read_runs([tmp_path / "apart"])
    assert set(run.tasks) == {"EMV", "SAV"}


def test_a_report_says_in_a_sentence_that_it_cannot_be_written(sweep, tmp_path, capfd):
    """Before it draws anything where its folder can't be made, and without half of itself."""
    assert sweep("tasks=[EMV],[SAV]", f"run_dir={tmp_path / 'sweep'}")[0] == 0
    file = tmp_path / "file"
    file.write_text("kept")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "pictures").write_text("kept")
    for out, sentence in (
        (file, f"--out {file}: can't be made (File exists); choose another folder."),
        (file / "x", f"--out {file}/x: can't be made (Not a directory); choose another folder."),
        (folder, f"{folder}/pictures/accuracy-EMV.png: can't be written (File exists); make room"),
    ):
        assert report([str(tmp_path / "sweep"), "--out", str(out)]) == 1
        printed = capfd.readouterr()
        (error,) = (line for line in printed.err.splitlines() if line.startswith("error: "))
        assert error.startswith(f"error: {sentence}")
        assert printed.out == ""
    assert file.read_text() == "kept"
    assert [path.name for path in folder.iterdir()] == ["pictures"]


def test_contradictions_are_named(sweep, tmp_path):
    assert sweep("tasks=[EMV]", f"run_dir={tmp_path}")[0] == 0
    path = tmp_path / "1/results.jsonl"
    path.parent.mkdir()
    (row,) = untimed(tmp_path / "0")
    path.write_text(json.dumps(row | {"val_accuracy": 0.123, "seconds": 1.0}) + "\n")
    with pytest.raises(ValueError, match="different things of EMV, published, 0, LDA"):
        merge_runs([tmp_path / "0", tmp_path / "1"], tmp_path / "merged/x")
    assert not (tmp_path / "merged").exists()


def test_one_writer_at_a_time(tmp_path):
    """And the lock ends with the process that holds it."""
    code = "import sys, time, pathlib; from serab.run_dir import hold\n"
    code += "with hold(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(100)"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    message = f"process {holder.pid} on .* writes to it just now; wait"
    with pytest.raises(RunInUse, match=message), hold(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with hold(tmp_path):
        pass


def test_a_job_keeps_how_it_ended(tmp_path):
    def fails() -> Outcome:
        raise RuntimeError("out of memory")

    def stopped() -> Outcome:
        raise KeyboardInterrupt

    assert run_job(tmp_path, 3, ["a=1"], fails, lambda _: None).error == (
        "RuntimeError: out of memory"
    )
    with pytest.raises(KeyboardInterrupt):
        run_job(tmp_path, 3, ["a=1"], stopped, lambda _: None)
    assert read_job(tmp_path).status is Status.STOPPED
    with pytest.raises(ValueError, match=r"holds the job a=1, not a=2; choose another run_dir"):
        run_job(tmp_path, 3, ["a=2"], fails, lambda _: None)
    found = Outcome({"accuracy": 0.5, "loss": 1.5}, "loss")
    done = run_job(tmp_path, 3, ["a=1", "resume=auto"], lambda: found, lambda _: None)
    assert done.status is Status.FINISHED
    assert done.outcome.value == 1.5
    assert run_job(tmp_path, 3, ["a=1"], fails, lambda _: None) == done
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(ValueError, match=r"job\.json: lacks number"):
        read_job(tmp_path)


def test_train_and_score_in_one_go(data, speech_folder, tmp_path):
    """Trained, scored and logged to one W&B run a job, in the group of the sweep."""
    command = [sys.executable, "train.py", "-m", f"data.root={speech_folder}", *SMALL]
    command += ["logger=wandb", "logger.wandb.mode=offline", "logger.wandb.tags=[quick]"]
    command += ["logger.wandb.log_encoder=true", "encoder=cvt_small", "seed=1,2"]
    command += ["trainer.max_epochs=1", "data.num_workers=0", "trainer.enable_progress_bar=false"]
    command += ["+evaluate.tasks=[EMV]", "evaluate.classifiers=[LDA]", f"run_dir={tmp_path}"]
    environment = {**ENVIRONMENT, "SERAB_DATA": str(data)}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )
    assert result.returncode == 0, result.stderr
    rows = table(tmp_path)
    assert [(row["seed"], row["status"]) for row in rows] == [("1", "finished"), ("2", "finished")]
    for row in rows:
        run_dir = Path(row["run_dir"])
        (scored,) = RunFiles(run_dir / "evaluate").results
        assert float(row["EMV"]) == scored.test_accuracy
        assert float(row["loss"]) > 0
    (path,) = Path(rows[0]["run_dir"]).glob("wandb/offline-run-*/*.wandb")
    records = list(wandb_records(path))
    (run,) = [record.run for record in records if record.HasField("run")][:1]
    assert (run.project, run.run_group, run.job_type) == ("serab", tmp_path.name, "train")
    assert list(run.tags) == ["quick"]
    config = {
        update.key: json.loads(update.value_json)
        for record in records
        for update in (*record.run.config.update, *record.config.update)
        if update.key
    }
    assert config["encoder"]["_target_"] == "models.cvt.CvT"  # a tree, no flattened names
    history: dict[str, object] = {}
    for item in (item for record in records for item in record.history.item):
        name, *inner = list(item.nested_key) or [item.key]
        value = json.loads(item.value_json)
        history[name] = {**history.get(name, {}), inner[0]: value} if inner else value
    assert history["evaluate/EMV"] == float(rows[0]["EMV"])
    assert history["evaluate/scores"]["_type"] == "table-file"
    pictures = [name for name, value in history.items() if name.startswith("evaluate/confusion")]
    assert pictures
    media = path.parent / "files" / history[pictures[0]]["filenames"][0]
    assert media.read_bytes().startswith(b"\x89PNG")
    content = json.loads((path.parent / "files" / history["evaluate/scores"]["path"]).read_text())
    assert content["data"][0][content["columns"].index("test_accuracy")] == float(rows[0]["EMV"])
    artifacts = {record.artifact.type for record in records if record.HasField("artifact")}
    assert artifacts == {"run_table", "model"}
    assert any(record.HasField("stats") for record in records)


def running_job(job_dir: Path, sweep: subprocess.Popen) -> int:
    """The process of a job, once it has begun."""
    deadline = time.monotonic() + 60
    while not (found := [*job_dir.glob("job.json")]):
        assert sweep.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert json.loads(found[0].read_text())["status"] == "started"
    return int((job_dir / ".job.lock").read_text().split()[1])


def begin_beside(data: Path, sweep_dir: Path, *overrides: str) -> subprocess.Popen:
    """Start a sweep of three jobs, two at once."""
    command = [sys.executable, "evaluate.py", "-m", "sweep=joblib", "hydra.launcher.n_jobs=2"]
    command += [*QUICK, "tasks=[EMV],[SAV],[SAV,EMV]", f"run_dir={sweep_dir}", *overrides]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "SERAB_DATA": str(data)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def test_a_killed_job_takes_no_other_with_it(data, sweep, tmp_path):
    """As the system kills one where memory runs out: the others, also those to come, are done."""
    process = begin_beside(data, tmp_path)
    os.kill(running_job(tmp_path / "0", process), signal.SIGKILL)
    printed, _ = process.communicate(timeout=100)
    assert process.returncode == 1
    assert [row["status"] for row in table(tmp_path)] == ["failed", "finished", "finished"]
    error = "killed by SIGKILL; where memory ran out, take fewer at once: hydra.launcher.n_jobs=..."
    assert table(tmp_path)[0]["error"] == error
    assert f"error: job 0: {error}" in printed
    assert "Traceback" not in printed


def gone(process: int) -> bool:
    """Whether a process has ended, or does so within seconds."""
    status = Path(f"/proc/{process}/status")
    for _ in range(100):
        try:
            if "State:\tZ" in status.read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_sweep_leaves_no_job_behind(data, tmp_path, sent, capfd):
    """Neither at Ctrl-C, which a terminal sends to all processes of the sweep, nor when killed."""
    process = begin_beside(data, tmp_path)
    jobs = [running_job(tmp_path / number, process) for number in "01"]
    os.killpg(process.pid, sent)
    printed, _ = process.communicate(timeout=30)  # until nobody holds its output any more
    assert all(gone(job) for job in jobs)
    assert process.returncode == (130 if sent == signal.SIGINT else -sent)
    assert "Traceback" not in printed
    if sent == signal.SIGKILL:
        assert main([str(tmp_path)]) == 1
        printed = capfd.readouterr().err
    assert [row["status"] for row in table(tmp_path)] == ["stopped", "stopped", "not started"]
    assert [row["tasks"] for row in table(tmp_path)] == ["[EMV]", "[SAV]", "[SAV,EMV]"]
    assert "error: 3 of 3 jobs aren't finished" in printed


def test_workers_that_a_job_keeps_end_with_it():
    """Loky keeps its processes for five minutes, and a process waits for its own."""

    def job() -> int:
        from joblib import Parallel, delayed

        return sum(Parallel(n_jobs=2)(delayed(abs)(-number) for number in range(3)))

    begun = time.monotonic()
    assert run_each([job], 1, lost=lambda *_: None, stopped=lambda _: None) == [3]
    assert time.monotonic() - begun < 60
