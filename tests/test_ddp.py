"""Two processes on a CPU through train.py: equal to one, resumed exactly, stopped when one dies."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.support.paths import ROOT
from tests.support.training_run import ENVIRONMENT

TWO = [
    "data=folder",
    "data.num_workers=0",
    "trainer=ddp",
    "trainer.devices=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "trainer.log_every_n_steps=1",
    "trainer.enable_progress_bar=false",
    "trainer.max_epochs=2",
    "data.batch_size=4",
    "module.hidden_dim=32",
    "module.projector_dim=16",
    "module.norm_epochs=1",
    "augment.mixup.memory_size=10",
    "checkpoint.every_seconds=0",
    "logger=csv",
]


def start(folder: Path, run_dir: Path, *overrides: str) -> subprocess.Popen:
    command = [sys.executable, "train.py", f"data.root={folder}", f"run_dir={run_dir}"]
    return subprocess.Popen(
        [*command, *TWO, *overrides], cwd=ROOT, env=ENVIRONMENT, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> None:
    _, printed = process.communicate(timeout=240)
    assert process.returncode == 0, printed


def losses(run_dir: Path) -> list[float]:
    found = []
    for path in sorted(run_dir.glob("metrics/*/metrics.csv")):
        with path.open() as file:
            found += [float(row["loss"]) for row in csv.DictReader(file) if row.get("loss")]
    return found


def checkpoint(run_dir: Path) -> dict:
    return torch.load(run_dir / "checkpoints/last.ckpt", weights_only=True)


def children(process: subprocess.Popen) -> list[int]:
    """Processes that `process` started and that still run."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(number) for number in path.read_text().split()]


def gone(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def wait_for(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_processes_equal_one(speech_folder: Path, tmp_path: Path):
    """The same global batches, batch norms and norms: equal weights, in float64 to 1e-8.

    In float32 six steps of batch norm over 8 clips amplify rounding too much to tell. Without the
    random draws, which belong to a process.
    """
    shared = [
        "trainer.precision=64-true",
        "augment.mixup=null",
        "augment.random_resize_crop=null",
        "augment.shared_post_norm=true",
        "+encoder.dropout=0",
        "optimizer._target_=torch.optim.SGD",
        "optimizer.lr=0.05",
    ]
    synced = "module._target_=tests.support.sync_batch_norm.SyncedPretraining"
    two = start(speech_folder, tmp_path / "two", *shared, synced)
    alone = ["trainer.devices=1", "trainer.strategy=auto", "data.batch_size=8"]
    one = start(speech_folder, tmp_path / "one", *shared, *alone)
    finish(two)
    finish(one)
    assert len(losses(tmp_path / "one")) == 6
    assert losses(tmp_path / "one") == pytest.approx(losses(tmp_path / "two"), abs=1e-5)
    want, have = (checkpoint(tmp_path / name)["state_dict"] for name in ("one", "two"))
    for key, value in want.items():
        if key not in ("epoch_loss", "epoch_batches"):
            torch.testing.assert_close(have[key], value, atol=1e-8, rtol=1e-8, msg=key)


@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
def test_a_dead_process_stops_the_run_which_then_goes_on_exactly(
    speech_folder: Path, tmp_path: Path
):
    """SIGKILL for either rank: the other ends within seconds; then as if nothing had happened."""
    whole = start(speech_folder, tmp_path / "whole")
    broken = start(speech_folder, tmp_path / "broken")
    wait_for(lambda: len(losses(tmp_path / "broken")) >= 2, 180)
    (rank_1,) = children(broken)
    os.kill(rank_1, signal.SIGKILL)
    _, printed = broken.communicate(timeout=60)
    assert broken.returncode not in (0, None)
    assert "error: " in printed
    assert f"go on with: python train.py run_dir={tmp_path / 'broken'} resume=auto" in printed
    assert not (tmp_path / "broken/encoder.safetensors").exists()

    before = len(losses(tmp_path / "broken"))
    again = start(speech_folder, tmp_path / "broken", "resume=auto")
    if before < 5:
        wait_for(lambda: len(losses(tmp_path / "broken")) > before, 180)
        (rank_1,) = children(again)
        os.kill(again.pid, signal.SIGKILL)
        wait_for(lambda: gone(rank_1), 60)
        again = start(speech_folder, tmp_path / "broken", "resume=auto")
    finish(again)
    finish(whole)
    ours, theirs = (checkpoint(tmp_path / name) for name in ("broken", "whole"))
    for part in ("state_dict", "rank_buffers"):
        for key, value in theirs[part].items():
            assert torch.equal(ours[part][key], value), (part, key)
    memories = theirs["rank_buffers"]["views.mixup.memory"]
    assert len(memories) == 2
    assert not torch.equal(memories[0], memories[1])
    for name in ("views.pre_norm.mean", "views.pre_norm.variance", "views.pre_norm.clips"):
        first, second = theirs["rank_buffers"][name]
        assert torch.equal(first, second), name  # one norm for both


@pytest.mark.timeout(600)
def test_a_signal_to_all_processes_stops_them_together_and_loses_nothing(
    speech_folder: Path, tmp_path: Path
):
    """SIGTERM to the whole group, as Slurm sends it: one checkpoint of all, then on exactly."""
    longer = ["trainer.max_epochs=20", "checkpoint.every_seconds=600"]
    broken = start(speech_folder, tmp_path / "broken", *longer)
    wait_for(lambda: len(losses(tmp_path / "broken")) >= 2, 180)
    os.killpg(broken.pid, signal.SIGTERM)
    _, printed = broken.communicate(timeout=60)
    assert broken.returncode == 143, printed
    assert printed.count("go on with: python train.py") == 1
    assert "Traceback" not in printed
    stopped = checkpoint(tmp_path / "broken")["global_step"]
    assert stopped < 60
    further = [f"trainer.max_steps={stopped + 5}", *longer]
    again = start(speech_folder, tmp_path / "broken", "resume=auto", *further)
    whole = start(speech_folder, tmp_path / "whole", *further)
    finish(again)
    finish(whole)
    ours, theirs = (checkpoint(tmp_path / name) for name in ("broken", "whole"))
    assert ours["global_step"] == theirs["global_step"] == stopped + 5
    for key, value in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][key], value), key
