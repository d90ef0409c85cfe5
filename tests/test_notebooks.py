"""The notebooks run from top to bottom, define nothing, and carry small outputs."""

import ast
import os
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 120
"""For a cell, on a machine that is busy otherwise."""
LARGEST = 400_000


def code(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_define_nothing_and_are_small(path: Path):
    for source in code(path):
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda), source
    assert path.stat().st_size < LARGEST
    text = path.read_text()
    assert str(Path.home()) not in text
    assert "/tmp/" not in text
    assert '"ename"' not in text, "an output holds an error"
    assert "image/png" in text or "text/markdown" in text, "outputs were not kept"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty place for data and runs, for one notebook after the other."""
    place = tmp_path_factory.mktemp("notebooks") / "notebooks"
    place.mkdir()
    return place


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch):
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), before])))
    monkeypatch.setenv("SERAB_DATA", "data")
    monkeypatch.setenv("SERAB_CACHE", str(workplace.parent / "cache"))
    notebook = nbformat.read(path, as_version=4)
    before = [bool(cell.get("outputs")) for cell in notebook.cells]
    NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(workplace)}},
    ).execute()
    after = [bool(cell.get("outputs")) for cell in notebook.cells]
    assert sum(after) >= sum(before) - 1  # the paper's table has no demo row
