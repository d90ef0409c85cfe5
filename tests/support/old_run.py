"""A run directory of an earlier version, and the recordings that it was trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import soundfile as sf

OLD_RUN = Path(__file__).parents[1] / "fixtures" / "old_run"
"""Three epochs of a step each, by the code of before the packages had wings, without best.ckpt."""


def copy_old_run(run_dir: Path) -> Path:
    shutil.copytree(OLD_RUN, run_dir)
    return run_dir


def make_old_recordings(folder: Path) -> Path:
    """The recordings of `OLD_RUN`, sample by sample."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        noise = random.integers(-9000, 9000, 8000, dtype=np.int16)
        sf.write(folder / f"{name}.wav", noise, 16_000)
    return folder
