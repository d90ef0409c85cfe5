"""Runs beside each other: what they logged is read back, drawn, and a wrong directory is said."""

from pathlib import Path

import pytest
from PIL import Image

from models.compare import main, read_curves, table

HEADER = "loss,embedding_std,probe_EMB,probe_EMB_uar,samples_per_second,step\n"


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    for name, loss in (("short", 0.5), ("long", 0.25)):
        folder = tmp_path / name / "metrics/version_0"
        folder.mkdir(parents=True)
        lines = f"2.0,0.6,,,80,0\n{loss},0.4,,,90,9\n,,0.75,0.7,,9\n"
        (folder / "metrics.csv").write_text(HEADER + lines)
    later = tmp_path / "long/metrics/version_1"
    later.mkdir()
    (later / "metrics.csv").write_text(HEADER + "0.125,0.45,,,95,19\n")  # after a restart
    return [tmp_path / "short", tmp_path / "long"]


def test_table(runs):
    lines = table([read_curves(run) for run in runs]).splitlines()
    assert lines[0].split("  ")[0] == "run"
    assert lines[1].split() == ["short", "10", "0.5", "0.4", "0.4", "90", "75.0"]
    assert lines[2].split() == ["long", "20", "0.125", "0.45", "0.4", "95", "75.0"]


def test_picture(runs, tmp_path, capsys):
    assert main([*map(str, runs), "--out", str(tmp_path / "curves.png")]) == 0
    assert str(tmp_path / "curves.png") in capsys.readouterr().out
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.height > picture.width  # three panels


def test_no_run(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "no metrics/*/metrics.csv in it; give the run_dir" in capsys.readouterr().err
    broken = tmp_path / "metrics/version_0/metrics.csv"
    broken.parent.mkdir(parents=True)
    broken.write_text("a,b\n1,2\n")
    assert main([str(tmp_path)]) == 1
    assert f"{broken}: not a table of metrics" in capsys.readouterr().err
