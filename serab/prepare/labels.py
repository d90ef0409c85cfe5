"""Labels that file names don't tell: IEMOCAP's evaluation files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serab.prepare.errors import PrepareError

_TURN = re.compile(
    r"^\[\s*[\d.]+ - [\d.]+\s*\]\t(?P<id>\S+)\t(?P<emotion>\w+)"
    r"\t\[(?P<valence>\d+\.?\d*), (?P<arousal>\d+\.?\d*), \d+\.?\d*\]\s*$"
)


@dataclass(frozen=True)
class Label:
    """What the annotators agreed on: the corpus' own emotion key, valence and arousal (1 to 5)."""

    emotion: str
    valence: float
    arousal: float


def read_iemocap(paths: Iterable[Path]) -> dict[str, Label]:
    """Read IEMOCAP's `EmoEvaluation/*.txt`: the line of each turn; annotators' own are skipped.

    Raises:
        PrepareError: a turn that can't be understood, or one with two different labels.
    """
    labels: dict[str, Label] = {}
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.startswith("["):
                continue
            turn = _TURN.match(line)
            if turn is None:
                raise PrepareError(
                    f"{path}, line {number}: not a turn such as "
                    r"'[6.29 - 8.23]\tSes01F_impro01_F000\tneu\t[2.5, 2.5, 2.5]'; the file is "
                    "damaged, get it again."
                )
            label = Label(turn["emotion"], float(turn["valence"]), float(turn["arousal"]))
            if labels.setdefault(turn["id"], label) != label:
                raise PrepareError(
                    f"{path}, line {number}: {turn['id']} has another label elsewhere; remove the "
                    "wrong copy of the label files."
                )
    return labels
