"""`models` and `datamodules` are the project's own, where others have packages of these names."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

NAMES = ("models", "datamodules")
PROJECT = "serab-byols"
"""Is in the first line of each of ours, which another project's may have overwritten."""


def check_neighbours() -> None:
    """Check that `models` and `datamodules` are those beside this package.

    The commands end with the sentence alone.

    Raises:
        ImportError: others are found first; names the file and what to do.
    """
    for name in NAMES:
        sentence = _sentence(name)
        if sentence is not None:
            command = Path(sys.argv[0]).stem if getattr(sys, "argv", None) else ""
            if command in ("-m", "serab"):
                sys.exit(f"error: {sentence}")
            raise ImportError(sentence)


def _sentence(name: str) -> str | None:
    """What is wrong with the package of this name, if anything is."""
    expected = Path(__file__).parents[1] / name / "__init__.py"
    found = _file_found(name)
    if found is None:
        return f"{expected}: is missing; install {PROJECT} again."
    if not _same(found, expected):
        return (
            f"{found}: is found as `{name}` before the `{name}` of {PROJECT} ({expected.parent}); "
            "rename it, or start from another directory and take its folder off PYTHONPATH."
        )
    with expected.open(encoding="utf-8") as file:
        if PROJECT in file.readline():
            return None
    return (
        f"{expected}: is of another project, installed over the `{name}` of {PROJECT}; give each "
        "an environment of its own."
    )


def _file_found(name: str) -> Path | None:
    """The file that `import` takes for this name, without importing it."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        return Path(file) if file else None
    spec = PathFinder.find_spec(name)
    if spec is None:
        return None
    if spec.origin is None:  # a folder without __init__.py
        folders = list(spec.submodule_search_locations or ())
        return Path(folders[0]) if folders else None
    return Path(spec.origin)


def _same(path: Path, other: Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False
