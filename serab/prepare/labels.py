"""Labels that file names don't tell: IEMOCAP's evaluation files, and the CSV of a custom corpus."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serab.corpora.records import Name
from serab.prepare.errors import PrepareError

_TURN = re.compile(
    r"^\[\s*[\d.]+ - [\d.]+\s*\]\t(?P<id>\S+)\t(?P<emotion>\w+)"
    r"\t\[(?P<valence>[\d.]+), (?P<arousal>[\d.]+), (?P<dominance>[\d.]+)\]\s*$"
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


def read_custom(path: Path) -> dict[str, tuple[Name, tuple[str, ...]]]:
    """Read a table with the columns path, speaker, emotion (others are ignored).

    Columns are separated by commas, semicolons or tabs, whichever the header has most of.

    Returns:
        utterance id -> (name, path as in the CSV: relative to the CSV's folder, or absolute).

    Raises:
        PrepareError: not UTF-8, columns missing, empty cells, a path twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PrepareError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    missing = [c for c in ("path", "speaker", "emotion") if c not in (reader.fieldnames or ())]
    if missing:
        raise PrepareError(
            f"{path}: lacks the column(s) {', '.join(missing)}; its first line must name path, "
            "speaker and emotion."
        )
    found: dict[str, tuple[Name, tuple[str, ...]]] = {}
    lines: dict[str, int] = {}
    for row in reader:
        cells = [(row[column] or "").strip() for column in ("path", "speaker", "emotion")]
        if not all(cells):
            raise PrepareError(
                f"{path}, line {reader.line_num}: path, speaker or emotion is empty."
            )
        audio, speaker, emotion = cells
        key = os.path.normpath(audio)
        if key in lines:
            raise PrepareError(
                f"{path}, line {reader.line_num}: {audio} is in line {lines[key]} too; list each "
                "recording once."
            )
        lines[key] = reader.line_num
        found[audio] = (Name(audio, speaker, speaker, emotion), (audio,))
    if not found:
        raise PrepareError(f"{path}: lists no recordings.")
    return dict(sorted(found.items()))
