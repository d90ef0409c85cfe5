"""W&B without a key, without a network, and what an offline run leaves behind."""

import glob
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from models.tracking import rows_logged, wandb_logger, why_offline
from tests.support.wandb_files import wandb_records


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))


def test_offline_without_a_key():
    assert "no API key" in why_offline("https://api.wandb.ai")


def test_a_key_alone_is_not_enough(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert "doesn't answer" in why_offline(f"http://127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert why_offline(f"http://127.0.0.1:{server.getsockname()[1]}") is None


def test_offline_run_is_written_and_continues_under_its_id(tmp_path: Path):
    program = f"""
import logging, sys
logging.basicConfig(format="%(message)s")
logging.getLogger("models").setLevel(logging.INFO)
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache, once
from models.tracking import finish_run, wandb_logger
logger = wandb_logger({str(tmp_path)!r}, project="test", group="g")
logger.log_hyperparams({{"encoder": "cvt_small"}})
logger.log_metrics({{"loss": 0.5}}, step=int(sys.argv[1]))
finish_run()
"""
    # a process each, as a run that goes on has; the service of this one may hold others' runs
    inherited = ("WANDB_SERVICE", "WANDB_SILENT")
    environment = {key: value for key, value in os.environ.items() if key not in inherited}
    for step in range(2):
        result = subprocess.run(
            [sys.executable, "-c", program, str(step)],
            env=environment, check=True, text=True, capture_output=True,
        )  # fmt: skip
        lines = (result.stdout + result.stderr).splitlines()  # W&B's own would be thirty
        assert [line.split()[0] for line in lines] == ["W&B:", "W&B"]
        assert lines[0] == (
            "W&B: offline, there is no API key (`wandb login` stores one); `wandb sync` uploads "
            "the run later"
        )
        assert Path(lines[1].removeprefix("W&B         wandb sync ")).is_dir()
    run_id = (tmp_path / "wandb_id.txt").read_text().strip()
    folders = glob.glob(str(tmp_path / "wandb/offline-*"))
    assert folders
    assert all(f"-{run_id}" in folder for folder in folders)
    found = [r for path in tmp_path.glob("wandb/offline-*/*.wandb") for r in wandb_records(path)]
    rows = [
        {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
        for record in found
        if record.HasField("history")
    ]
    rows.sort(key=lambda row: int(row["trainer/global_step"]))
    # (without the count of before both would be row 0, and W&B would have one of them)
    assert [(row["loss"], row["trainer/global_step"], row["_step"]) for row in rows] == [
        ("0.5", "0", "0"),
        ("0.5", "1", "1"),
    ]
    axes = [r.metric for r in found if r.HasField("metric") and r.metric.glob_name == "*"]
    assert [axis.step_metric for axis in axes] == ["trainer/global_step"] * 2
    assert [record.run.resume for record in found if record.HasField("run")] == [True] * 2
    assert any("cvt_small" in str(record) for record in found)
    assert {record.run.run_group for record in found if record.HasField("run")} == {"g"}


@pytest.mark.parametrize("kept", ["", "7 rows", "-1"])
def test_a_damaged_count_of_rows_begins_at_0(kept: str, tmp_path: Path):
    (tmp_path / "wandb_rows.txt").write_text(kept)
    assert rows_logged(tmp_path / "wandb_rows.txt") == 0


def test_unknown_mode(tmp_path: Path):
    with pytest.raises(ValueError, match=r"mode=cloud: expected one of auto, online, offline"):
        wandb_logger(tmp_path, mode="cloud")
