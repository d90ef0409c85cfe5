"""What a score depends on beside data and weights: the project's state, machine, packages."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from serab.installed import IS_INSTALLED

PROJECT = "serab-byols"
PACKAGES = (
    *("torch", "torchaudio", "numpy", "scipy", "scikit-learn", "numba", "threadpoolctl", "einops"),
    *("nnaudio", "resampy", "soundfile", "av", "opensmile", "transformers", "tensorflow"),
)
"""Those that embeddings, classifiers and scores rest on; extras where they are installed."""


def versions() -> dict[str, str]:
    """By name; of the project its version and, where that can be known, its commit."""
    commit = _commit_of_clone() or _commit_installed()
    ours = _version(PROJECT) or "a clone"
    return {
        PROJECT: f"{ours}, commit {commit}" if commit else ours,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **package_versions(),
    }


def package_versions() -> dict[str, str]:
    """Of `PACKAGES`, those that are installed."""
    found = {package: _version(package) for package in PACKAGES}
    return {package: version for package, version in found.items() if version is not None}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit_of_clone() -> str | None:
    """The commit that this file is of, with `-dirty` where files differ from it."""
    root = Path(__file__).parents[2]
    if IS_INSTALLED or not (root / ".git").exists():  # a site-packages in another's repository
        return None
    describe = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(
            [*describe, "--exclude=*"], capture_output=True, text=True, timeout=10, check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):  # no git, or a repository that it doesn't trust
        return None
    return done.stdout.strip()


def _commit_installed() -> str | None:
    """That which `pip install git+URL` notes down (PEP 610)."""
    try:
        note = json.loads(distribution(PROJECT).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    return note.get("vcs_info", {}).get("commit_id")
