"""Lightning's private names stay in one room, which was read with the installed version."""

import ast
import re
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from models.training.lightning_internals import READ_WITH
from tests.support.paths import ROOT

ROOM = ROOT / "models/training/lightning_internals.py"
FILES = [*sorted((ROOT / "models").rglob("*.py")), ROOT / "train.py"]
LIGHTNING = ("pytorch_lightning", "lightning_fabric")


@cache
def lightning_names() -> frozenset[str]:
    """Private attributes, functions and classes of Lightning's own code."""
    names: set[str] = set()
    for package in LIGHTNING:
        for path in Path(find_spec(package).origin).parent.rglob("*.py"):
            names |= set(re.findall(r"(?:self\.|def |class )(_[a-zA-Z]\w*)", path.read_text()))
    return frozenset(names)


def private_names(source: str) -> set[str]:
    """Private names of Lightning that a file uses and doesn't define itself."""
    used, defined = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Attribute):
            of_self = isinstance(node.value, ast.Name) and node.value.id == "self"
            assigned = isinstance(node.ctx, ast.Store) and of_self
            (defined if assigned else used).add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(LIGHTNING):
            used |= {*node.module.split("."), *(alias.name for alias in node.names)}
    private = {name for name in used if name.startswith("_") and not name.startswith("__")}
    return (private - defined) & lightning_names()


def test_it_was_read_with_the_installed_version():
    installed = ".".join(version("pytorch-lightning").split(".")[:2])
    assert installed == READ_WITH, (
        f"read {ROOM.name} beside pytorch-lightning {installed}, then set READ_WITH"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_private_names_are_in_one_room(path: Path):
    names = private_names(path.read_text())
    if path == ROOM:
        assert {"_signal_connector", "_should_accumulate", "_batches_that_stepped"} <= names
    else:
        assert not names, f"{names}: move them to {ROOM.relative_to(ROOT)}"


def test_the_walk_sees_what_it_should():
    assert private_names("trainer._signal_connector.received_sigterm = True")
    assert private_names("class L(WandbLogger):\n    def f(self): return self._offline")
    assert private_names("from pytorch_lightning.loops.fit_loop import _FitLoop")
    assert not private_names("class C:\n    def _run(self): self._run()")
