"""The pages' commands exist and compose, the README's code runs; no dependency is unused."""

import ast
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import train  # noqa: F401  registers the resolver of run directories
from tests.support.paths import ROOT, sources
from tests.support.readme_commands import PAGES, blocks, commands
from tests.support.speech import voiced

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

NEVER_IMPORTED = {  # as far as imports and metadata tell
    "setuptools": "dependencies import pkg_resources",
    "pytest-timeout": "a plugin of pytest",
    "pytest-cov": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "ipykernel": "nbclient starts it",
    "mypy": "a command",
    "ruff": "a command",
    "hatchling": "builds the wheel",
    "praat-parselmouth": "datamodules.demo.voice; its metadata list no module",
    "beartype": "named by tests/conftest.py",
}


def test_the_readme_has_commands_and_code():
    assert len(commands()) > 12
    assert blocks("python")


@pytest.mark.parametrize("command", commands(*PAGES))
def test_command(command: str):
    """Of the other pages: overrides compose, modules know the options (test_readme.py runs its)."""
    program, *arguments = shlex.split(command.replace(" ... ", " "))
    if program in ("torchrun", "srun"):
        program, arguments = "python", arguments[arguments.index("train.py") :]
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(arguments) <= set(targets)
        return
    assert program == "python", f"{command}: say here how to test it"
    script, *arguments = arguments
    if script == "-m":
        module, *arguments = arguments
        source = Path(importlib.util.find_spec(module).origin)
        if source.name == "__init__.py":
            source = source.with_name("__main__.py")
        options = [argument for argument in arguments if argument.startswith("--")]
        text = source.read_text()
        if "serab.recordings.arguments" in text:  # which two commands share
            text += (ROOT / "serab/recordings/arguments.py").read_text()
        missing = [option for option in options if f'"{option}"' not in text]
        assert not missing, f"{source} doesn't know {missing}"
    elif script in ("train.py", "evaluate.py") and "--help" not in arguments:
        overrides = [a for a in arguments if a not in ("-m", "--multirun")]
        if set(arguments) != set(overrides):  # a sweep: its first job
            overrides = [
                re.sub(r"=(\[.*?\]|[^\[,]+),.*", r"=\1", override) for override in overrides
            ]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            compose(script.removesuffix(".py"), ["run_dir=/nowhere", *overrides])
    else:
        assert (ROOT / script).is_file()


HELP = {  # of each script: what it says of a key and of a group, and a group of the other's
    "train.py": ("tau: 0.99  # of the target", "precision, length; default as it", "extractor: "),
    "evaluate.py": ("protocol: published  # or strict", "under test; random as", "tau: "),
}


def test_help_says_what_keys_and_groups_are():
    for script, (key, group, other) in HELP.items():
        chosen = ["extractor=random"] if script == "evaluate.py" else []
        shown = subprocess.run(
            [sys.executable, script, *chosen, "--help"],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        assert f"python {script}" in shown
        assert key in shown
        assert group in shown
        assert other not in shown


def test_the_three_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (block,) = [block for block in blocks("python") if "load_encoder" in block]
    scope = {"waveform": voiced(1.0, 44_100, 0)}
    exec(compile(block, "README.md", "exec"), scope)
    assert np.shape(scope["embedding"]) == (1, 512)


def imported() -> set[str]:
    """Top-level modules that any Python file of the project imports."""
    found = set()
    folders = ("models", "datamodules", "serab", "tests", "benchmarks")
    files = [*ROOT.glob("*.py"), *(f for folder in folders for f in (ROOT / folder).rglob("*.py"))]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found


def pinned(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(requirement).name) for requirement in requirements}


def test_no_dependency_is_unused():
    modules: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            modules.setdefault(canonicalize_name(distribution), set()).add(module)
    extras = SETTINGS["optional-dependencies"]
    direct = pinned(
        SETTINGS["dependencies"] + extras["onnx"] + extras["transformers"] + extras["dev"]
    )
    used = imported()
    unused = {name for name in direct if not modules.get(name, set()) & used}
    assert unused == set(NEVER_IMPORTED), "remove it, or say above who needs it"


def test_what_is_imported_is_pinned():
    """Nothing rests on what another dependency happens to bring along."""
    owners = packages_distributions()
    extras = [r for group in SETTINGS["optional-dependencies"].values() for r in group]
    direct = pinned(SETTINGS["dependencies"] + extras)
    ours = {"models", "datamodules", "serab", "train", "evaluate"}
    missing = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in {name.split(".")[0] for name in names}:
                distributions = {canonicalize_name(d) for d in owners.get(name, [])}
                if distributions and name not in ours and not distributions & direct:
                    missing[name] = path.name
    assert not missing
