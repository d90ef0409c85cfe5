"""Who may know whom, held by a walk over all imports."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import PACKAGES, ROOT, sources

SCRIPTS = ("train.py", "evaluate.py")
GROUND = ("audio", "files", "prefetch", "typed_json")
"""What serab takes of datamodules."""


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module)
    return found


def allowed(path: Path, module: str) -> bool:
    here, there = path.relative_to(ROOT), module.split(".")[0]
    if there in ("hydra", "omegaconf"):
        return False
    if there not in PACKAGES or there == here.parts[0]:
        return True
    if here.parts[0] == "serab":
        if there == "datamodules":
            return module.removeprefix("datamodules.") in GROUND
        return here.as_posix() in ("serab/extractors/encoder.py", "serab/hear.py")
    return False


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports(path: Path):
    wrong = sorted(module for module in imports(path) if not allowed(path, module))
    assert not wrong, f"{path.relative_to(ROOT)} may not import {wrong}"


def test_the_walk_sees_what_it_should():
    assert not allowed(ROOT / "models/byol.py", "datamodules.audio")
    assert not allowed(ROOT / "datamodules/audio.py", "models.frontend")
    assert not allowed(ROOT / "serab/embed/corpus.py", "models.checkpoint")
    assert not allowed(ROOT / "serab/embed/corpus.py", "datamodules.crops")
    assert not allowed(ROOT / "models/byol.py", "hydra.utils")
    assert allowed(ROOT / "serab/extractors/encoder.py", "models.checkpoint")
    assert "hydra" in imports(ROOT / "train.py")
    assert len(sources()) > 20


def test_rooms_have_names():
    for path in sources():
        assert path.stem not in ("utils", "util", "common", "helpers", "misc"), path
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        assert docstring, f"{path}: its first line is its idea"
