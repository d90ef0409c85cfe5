"""train.py as a user runs it: real fits of seconds, killed and continued, its files read back."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train as train_script
from datamodules.landmark_file import landmark_path, read_about, read_landmarks
from datamodules.landmarks import hear
from models.checkpoint import load_encoder
from models.compute.devices import check_devices, choose_precision
from models.training.resume import newest_unfinished
from models.training.run_dir import run_to_resume, started_with_others
from tests.support.paths import ROOT
from tests.support.programs import Ended, run
from tests.support.training_run import ENVIRONMENT, SMALL
from tests.support.wandb_files import wandb_records


def command(folder: Path, run_dir: Path, *overrides: str) -> list[str]:
    return [
        sys.executable,
        "train.py",
        f"data.root={folder}",
        f"run_dir={run_dir}",
        *SMALL,
        *overrides,
    ]


def train(folder: Path, run_dir: Path, *overrides: str) -> Ended:
    _, _, *arguments = command(folder, run_dir, *overrides)
    return run([str(ROOT / "train.py"), *arguments], run_dir.parent, ENVIRONMENT, limit=200)


@pytest.fixture(scope="module")
def finished(speech_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 3 epochs x 6 batches, never disturbed."""
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    result = train(
        speech_folder, run_dir, "logger=wandb", "logger.wandb.mode=offline", "data.landmarks=true"
    )
    assert result.status == 0, result.printed
    assert str(run_dir / "encoder.safetensors") in result.printed
    assert str(run_dir / "encoder.landmarks.zip") in result.printed
    return run_dir


def rows(run_dir: Path) -> list[dict[str, str]]:
    found = []
    for path in sorted(run_dir.glob("metrics/*/metrics.csv")):
        with path.open() as file:
            found += list(csv.DictReader(file))
    return found


def test_run_directory_and_metrics(finished: Path):
    for name in ("config.yaml", "recordings.csv", "unusable.csv", "checkpoints/last.ckpt"):
        assert (finished / name).is_file(), name
    steps = [row for row in rows(finished) if row["loss"]]
    assert [int(row["step"]) for row in steps] == list(range(18))
    for row in steps:
        assert 0 < float(row["loss"]) < 8
        assert float(row["embedding_std"]) > 0.02
        assert float(row["ema"]) == pytest.approx(0.99)
    timed = [row for row in steps if row["samples_per_second"]]
    assert len(timed) >= 15
    assert all(float(row["samples_per_second"]) > 0 for row in timed)
    assert all(0 <= float(row["data_wait"]) <= 1 for row in timed)
    assert len([row for row in rows(finished) if row["loss_epoch"]]) == 3


def test_landmarks_of_what_was_heard(finished: Path, speech_folder: Path):
    kept = landmark_path(finished / "encoder.safetensors")
    about, heard = read_about(kept), list(read_landmarks(kept))
    with safe_open(finished / "encoder.safetensors", "np") as artefact:
        header = json.loads(artefact.metadata()["speech_encoder"])["about"]
    assert (about.digest, about.recordings) == (header["data_digest"], header["recordings"])
    for sound in heard:
        again = hear(speech_folder / sound.name, sound.name)
        assert (sound.file, sound.audio) == (again.file, again.audio)
        assert np.array_equal(sound.peaks.frames, again.peaks.frames)
        assert np.array_equal(sound.peaks.bins, again.peaks.bins)


def test_wandb_offline_run(finished: Path):
    (path,) = finished.glob("wandb/offline-run-*/*.wandb")
    assert (finished / "wandb_id.txt").read_text().strip() in path.name
    losses, config = [], {}
    for record in wandb_records(path):
        values = {item.key or item.nested_key[0]: item.value_json for item in record.history.item}
        if "loss" in values:
            losses.append(float(values["loss"]))
        for update in [*record.config.update, *record.run.config.update]:
            config[update.key or update.nested_key[0]] = update.value_json
    assert losses == pytest.approx([float(row["loss"]) for row in rows(finished) if row["loss"]])
    assert "models.audio_ntt.AudioNTT" in str(config)


def test_every_artefact_loads_as_the_same_encoder(finished: Path):
    waveform = torch.randn(16_000) * 0.1
    last = load_encoder(finished)
    assert last.name == "audio_ntt_512"
    expected = last.embed(waveform, 16_000)
    assert torch.isfinite(expected).all()
    for name in ("encoder.safetensors", "checkpoints/last.ckpt"):
        assert torch.equal(load_encoder(finished / name).embed(waveform, 16_000), expected), name
    assert load_encoder(finished / "checkpoints/best.ckpt").embed_dim == 512


@pytest.mark.parametrize("steps_before_kill", [1, 6, 8])
def test_killed_and_resumed_equals_undisturbed(
    finished: Path, speech_folder: Path, tmp_path: Path, steps_before_kill: int
):
    """SIGKILL in an epoch, at its end and in the next: weights, optimizer and memory are equal."""
    process = subprocess.Popen(
        command(speech_folder, tmp_path), cwd=ROOT, env=ENVIRONMENT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len([row for row in rows(tmp_path) if row.get("loss")]) < steps_before_kill:
        assert process.poll() is None, "ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "encoder.safetensors").exists()

    result = train(speech_folder, tmp_path, "resume=auto", "data.num_workers=0")
    assert result.status == 0, result.printed
    ours, theirs = (
        torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (tmp_path, finished)
    )
    assert ours["global_step"] == theirs["global_step"] == 18
    for key, value in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][key], value), key
    for key, state in theirs["optimizer_states"][0]["state"].items():
        for name, value in state.items():
            assert torch.equal(ours["optimizer_states"][0]["state"][key][name], value), (key, name)
    before, after = (load_file(run / "encoder.safetensors") for run in (finished, tmp_path))
    assert all(torch.equal(before[key], after[key]) for key in before)
    losses = [
        [row["loss_epoch"] for row in rows(run) if row.get("loss_epoch")]
        for run in (finished, tmp_path)
    ]
    assert losses[0][-1] == losses[1][-1]
    best = [
        torch.load(run / "checkpoints/best.ckpt", weights_only=True) for run in (finished, tmp_path)
    ]
    assert best[0]["global_step"] == best[1]["global_step"]


def test_seed_decides(finished: Path, speech_folder: Path, tmp_path: Path):
    """Another gives another encoder; the same gives the same, also when killed, see above."""
    train(speech_folder, tmp_path / "other", "seed=7", "logger=tensorboard")
    assert load_encoder(tmp_path / "other").fingerprint != load_encoder(finished).fingerprint
    # and TensorBoard has what the CSV has
    events = EventAccumulator(str(tmp_path / "other" / "tensorboard")).Reload()
    logged = {str(event.step): event.value for event in events.Scalars("loss")}
    losses = {row["step"]: float(row["loss"]) for row in rows(tmp_path / "other") if row["loss"]}
    assert logged == pytest.approx(losses)
    assert len(logged) == 18


@pytest.mark.parametrize(("steps", "further"), [(8, -1), (6, 18)])
def test_more_steps_go_on_where_the_run_was(
    finished: Path, speech_folder: Path, tmp_path: Path, steps: int, further: int
):
    """Stopped by max_steps, in an epoch or at its end, and continued: as if undisturbed."""
    train(speech_folder, tmp_path, f"trainer.max_steps={steps}")
    assert (tmp_path / "encoder.safetensors").exists()
    again = [f"run_dir={tmp_path}", "resume=auto", f"trainer.max_steps={further}"]
    result = run([str(ROOT / "train.py"), *again], tmp_path.parent, ENVIRONMENT)
    assert result.status == 0, result.printed
    assert load_encoder(tmp_path).fingerprint == load_encoder(finished).fingerprint


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_with_their_status_and_a_word(
    speech_folder: Path, tmp_path: Path, sent: signal.Signals, status: int
):
    """Sent to its data workers too, as a terminal and Slurm do; no step that was done is lost."""
    process = subprocess.Popen(
        command(speech_folder, tmp_path, "trainer.max_epochs=500", "checkpoint.every_seconds=600"),
        cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while not rows(tmp_path):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, sent)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == status, printed
    assert "resume=auto" in printed
    assert "Traceback" not in printed
    saved = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)
    done = [row for row in rows(tmp_path) if row.get("loss")]
    assert saved["global_step"] == len(done)
    assert not (tmp_path / "encoder.safetensors").exists()


def refused(monkeypatch: pytest.MonkeyPatch, capsys, folder: Path, run_dir: Path, *overrides: str):
    """What train.py prints when it refuses to start, in this process to spare imports."""
    monkeypatch.setattr(sys, "argv", command(folder, run_dir, *overrides)[1:])
    with pytest.raises(SystemExit) as stopped:
        train_script.main()
    assert stopped.value.code not in (None, 0)
    return f"{stopped.value.code}{capsys.readouterr().err}"


def test_a_failed_restart_keeps_the_encoder(finished: Path, tmp_path: Path, monkeypatch, capsys):
    before = (finished / "encoder.safetensors").read_bytes()
    message = refused(monkeypatch, capsys, tmp_path / "typo", finished, "resume=auto")
    assert "typo" in message
    assert (finished / "encoder.safetensors").read_bytes() == before


def test_wandb_shows_a_failed_run_as_failed(speech_folder: Path, tmp_path: Path):
    offline = ("logger=wandb", "logger.wandb.mode=offline")
    late = "trainer.accumulate_grad_batches=0"  # told by the fit alone
    assert train(speech_folder, tmp_path / "run", *offline, late).status == 1
    (path,) = (tmp_path / "run").glob("wandb/offline-*/*.wandb")
    records = [r for r in wandb_records(path) if r.WhichOneof("record_type") == "exit"]
    assert [record.exit.exit_code for record in records] == [1]


def test_one_process_trains_in_a_run_directory(
    speech_folder: Path, tmp_path: Path, monkeypatch, capsys
):
    code = "from pathlib import Path; import sys, time; from serab.run_dir import hold\n"
    code += "with hold(Path(sys.argv[1]), 'train'): print(flush=True); time.sleep(100)"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        other.stdout.readline()
        message = refused(monkeypatch, capsys, speech_folder, tmp_path)
    finally:
        other.kill()
        other.communicate()
    assert f"process {other.pid} on " in message
    assert not (tmp_path / "config.yaml").exists()


def test_a_finished_run_is_kept(finished: Path, speech_folder: Path, monkeypatch, capsys):
    before = (finished / "checkpoints/last.ckpt").read_bytes()
    message = refused(monkeypatch, capsys, speech_folder, finished)
    assert "already holds a run; continue it with resume=auto" in message
    changed = "resume=auto", "optimizer.lr=1e-3"
    message = refused(monkeypatch, capsys, speech_folder, finished, *changed)
    assert "optimizer.lr is 0.0003 in the run and 0.001 now: a run goes on with the rec" in message
    assert (finished / "checkpoints/last.ckpt").read_bytes() == before


def test_a_run_keeps_the_precision_that_it_began_with(
    finished: Path, speech_folder: Path, tmp_path: Path, monkeypatch, capsys
):
    """On a machine that would take another; a group on the command line composes anew."""
    config = (finished / "config.yaml").read_text("utf-8")
    began = yaml.safe_load(config)["trainer"]["precision"]
    assert began == choose_precision("auto", "cpu")
    other = ({"32-true", "bf16-mixed"} - {began}).pop()
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(finished / "checkpoints/last.ckpt", tmp_path / "checkpoints")
    moved = config.replace(str(finished), str(tmp_path))
    (tmp_path / "config.yaml").write_text(moved.replace(began, other), "utf-8")
    changed = "resume=auto", "optimizer=adam"
    message = refused(monkeypatch, capsys, speech_folder, tmp_path, *changed)
    assert "optimizer._target_ is torch.optim.AdamW in the run" in message
    assert "trainer.precision" not in message
    asked = "resume=auto", f"trainer.precision={began}"
    message = refused(monkeypatch, capsys, speech_folder, tmp_path, *asked)
    assert f"trainer.precision is {other} in the run and {began} now" in message


def test_resume_auto_finds_the_newest_unfinished_run(finished: Path, tmp_path: Path):
    assert newest_unfinished(tmp_path) is None
    for name in ("old", "new", "done"):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        (tmp_path / name / "checkpoints/last.ckpt").touch()
        time.sleep(0.02)
    (tmp_path / "done" / "encoder.safetensors").touch()
    assert newest_unfinished(tmp_path) == tmp_path / "new"


def test_bad_input_is_one_sentence(speech_folder: Path, tmp_path: Path, monkeypatch, capsys):
    """Each names the culprit and the way out, and no checkpoint is written."""
    (tmp_path / "empty").mkdir()
    cases = {
        "encoder=resnet": "audio_ntt_512",
        f"data.root={tmp_path / 'none'}": "none: no such folder; give one",
        f"data.root={tmp_path / 'empty'}": "no recordings in it; expected files ending in",
        "data.batch_size=999": "set data.batch_size=24 or lower",
        "frontend.win_length=4000": "frontend.win_length=4000 exceeds n_fft=1024",
        "data.root=???": "data.root has no value; give data.root=",
        "data.clip_seconds=0.01": "data.clip_seconds=0.01: expected at least 0.1 s",
        "resume=perhaps": "resume=perhaps: expected one of never, auto",
        "trainer.precision=fp8": "Precision 'fp8' is invalid. Allowed precision values:",
        "module.compile=maybe": "module.compile=maybe: expected true, false, auto or one of",
        "module.schedule.decay=linear": "schedule.decay=linear: expected one of none, cosine",
        "optimizer.lr=abc": "optimizer.lr=abc: expected a number.",
        "trainer.max_steps=abc": "trainer.max_steps=abc: expected a whole number.",
        "module.tau=x": "module.tau=x: expected a number.",
        "seed=abc": "seed=abc: expected a whole number.",
        "augment.random_resize_crop.scale=[a,1]": "scale=['a', 1]: expected a list of numbers.",
        "evaluate.tasks=[XYZ]": "tasks: XYZ; expected codes among",
        "trainer.accumulate_grad_batches=0": "accumulate_grad_batches=0: expected at least 1",
    }
    if not torch.cuda.is_available():
        cases["trainer=gpu"] = "trainer.accelerator=gpu: torch finds no GPU on this machine"
    for number, (override, message) in enumerate(cases.items()):
        run_dir = tmp_path / f"run{number}"
        printed = refused(monkeypatch, capsys, speech_folder, run_dir, override)
        assert message in printed, (override, printed)
        assert "Traceback" not in printed
        assert not list(run_dir.glob("checkpoints/*"))
        assert not (run_dir / "encoder.safetensors").exists()


def test_processes_started_by_others_need_a_run_dir(monkeypatch: pytest.MonkeyPatch):
    """torchrun's and Slurm's can't see each other before they have one."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit, match=r"run_dir has no value; processes that torchrun or Slurm"):
        run_to_resume(None, "never")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not started_with_others()


def test_more_gpus_than_there_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match=r"trainer\.devices=8: this machine has 2; set"):
        check_devices("gpu", 8)
    check_devices("gpu", 2)
    check_devices("gpu", "auto")
    check_devices("cpu", 8)
