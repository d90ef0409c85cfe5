"""Where the repository and the shared real data are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]

SHARED = Path(os.environ.get("SERAB_SHARED", ROOT.parent / "shared"))
PACKAGES = ("models", "datamodules", "serab")


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
