"""The paper's Tables 1 and 3 as data: what a run is compared with, and golden values for scores."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from serab.scores import SERAB_TASKS

FOLDER = Path(__file__).parent
MEANS = ("UM", "WM", "GM")

TEST_SIZES = {
    **{"AES": 207, "CAF": 216, "CRE": 1556, "EMB": 84, "EMV": 196},
    **{"IEM": 1118, "RAV": 300, "SAV": 120, "SHE": 372},
}
"""Utterances in each test part of the released splits; with them the table's WM comes out."""

INCONSISTENT = {
    "BYOL-A, 512": "printed UM 72.7, WM 69.3, GM 69.6; its cells give 71.4, 69.5, 69.8",
}
"""Rows whose means don't follow from their cells."""


@dataclass(frozen=True)
class PublishedRow:
    """One row of Table 3: accuracies and means in percent, as printed."""

    model: str
    accuracies: dict[str, float]
    means: dict[str, float]


@cache
def table3() -> tuple[PublishedRow, ...]:
    """Test accuracies of the paper's thirteen models, in its order (by UM)."""
    with (FOLDER / "table3.csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            PublishedRow(
                row["model"],
                {task: float(row[task]) for task in SERAB_TASKS},
                {mean: float(row[mean]) for mean in MEANS},
            )
            for row in csv.DictReader(file)
        )


@cache
def table1() -> tuple[dict[str, str], ...]:
    """Corpora as the paper counts them: code, name, access, language, classes, utterances, ..."""
    with (FOLDER / "table1.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))
