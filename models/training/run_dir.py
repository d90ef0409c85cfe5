"""Which run goes on, and which of its processes this one is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

RUNS = Path("runs/train")


def run_to_resume(run_dir: str | None, resume: str) -> str | None:
    """`run_dir`, or with `resume="auto"` the newest run that isn't finished; None: a new one.

    Raises:
        SystemExit: one of several processes is asked to choose.
    """
    if run_dir is None and started_with_others():
        sys.exit(
            "error: run_dir has no value; processes that torchrun or Slurm start can only agree on "
            "one that is given: run_dir=DIR."
        )
    if run_dir is None and resume == "auto":
        from models.training.resume import newest_unfinished  # seconds to import, see train.py

        unfinished = newest_unfinished(RUNS)
        return str(unfinished) if unfinished else None
    return run_dir


def first_process() -> bool:
    """Whether this process writes and tells; of several only one does."""
    from pytorch_lightning.utilities.rank_zero import rank_zero_only

    return rank_zero_only.rank == 0  # type: ignore[attr-defined]  # Lightning sets it


def started_with_others() -> bool:
    """Whether torchrun or Slurm started this process as one of several."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return int(os.environ.get("WORLD_SIZE", 1)) > 1
    return "SLURM_STEP_ID" in os.environ and int(os.environ.get("SLURM_NTASKS", 1)) > 1
