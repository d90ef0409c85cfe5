"""Which demo recordings are there: files are written whole, so presence and a stamp tell."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from datamodules.demo.script import DemoUtterance
from datamodules.files import write_whole

VERSION = 2
"""Of how an utterance becomes sound; files of another version are made again."""

MANIFEST = "demo.json"


def is_current(out: Path) -> bool:
    """Whether the folder's stamp says this version."""
    try:
        return json.loads((out / MANIFEST).read_text(encoding="utf-8"))["version"] == VERSION
    except (OSError, ValueError, LookupError, TypeError):
        return False


def start_version(out: Path) -> None:
    """Remove the recordings of another version, or of none, and stamp the folder."""
    for file in out.glob("*/*/*_[0-9][0-9].wav"):
        if file.name.startswith(f"{file.parent.name}_"):  # others are the user's
            file.unlink(missing_ok=True)
    about = {"what": "demo speech, synthetic, not a benchmark", "version": VERSION}
    write_whole(out / MANIFEST, json.dumps(about, indent=1) + "\n")


def missing(out: Path, utterances: Iterable[DemoUtterance]) -> list[DemoUtterance]:
    """The utterances that have no recording."""
    return [u for u in utterances if not (out / u.path).is_file()]
