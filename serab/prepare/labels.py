"""Labels that file names don't tell: IEMOCAP's evaluation files, tables beside the audio."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from datamodules.tables import read_table
from serab.corpora.records import Corpus, LabelTable, Sex, sex_of
from serab.prepare.errors import PrepareError

_TURN = re.compile(
    r"^\[\s*[\d.]+ - [\d.]+\s*\]\t(?P<id>\S+)\t(?P<emotion>\w+)"
    r"\t\[(?P<valence>\d+\.?\d*), (?P<arousal>\d+\.?\d*), \d+\.?\d*\]\s*$"
)


@dataclass(frozen=True)
class Label:
    """What the annotators agreed on: the corpus' own emotion key, valence and arousal (1 to 5); and
    what tables say beside it: the speaker, the sentence, the official part."""

    emotion: str
    valence: float | None = None
    arousal: float | None = None
    speaker: str | None = None
    text: str | None = None
    sex: Sex | None = None
    part: str | None = None


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


def read_label_table(
    record: Corpus, table: LabelTable, folder: Path, paths: Iterable[str]
) -> dict[str, Label]:
    """Read a corpus' table of recordings, and the lists of its official parts; `paths` are of all.

    Returns:
        the file's name without its ending -> what is said of it.

    Raises:
        ValueError: not such a table, a recording in two official parts, or one without speaker.
    """
    labels: dict[str, Label] = {}
    parts: dict[str, str] = {}
    for path in paths:
        match = record.label_files.search(path) if record.label_files else None
        part = match.groupdict().get("part") if match else None
        for line, row in read_table(folder / path, (table.path, table.speaker, table.emotion)):
            name = Path(row[table.path].replace("\\", "/")).stem
            if part is not None:
                part = "validation" if part == "dev" else part
                if parts.setdefault(name, part) != part:
                    raise PrepareError(
                        f"{folder / path}, line {line}: {name} is in two official parts; get the "
                        "tables again."
                    )
                continue
            if not (row[table.speaker] and row[table.emotion]):
                raise PrepareError(f"{folder / path}, line {line}: speaker or emotion is empty.")
            labels[name] = Label(
                emotion=row[table.emotion],
                speaker=row[table.speaker],
                text=row.get(table.text) or None,
                sex=sex_of(row.get(table.sex)) if table.sex else None,
            )
    return {name: replace(label, part=parts.get(name)) for name, label in labels.items()}
