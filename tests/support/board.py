"""Entries of the leaderboard on EmoDB, to be changed, and a run's results on it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from serab.leaderboard.entry import FOLDER, Entry, read_entry
from serab.protocol import STRICT
from serab.results.run_files import RunFiles
from serab.results.summary import summarise_all, write_summary

SYSTEMS = ("random-audio-ntt-512", "opensmile-compare-2016")


def copy_entries(folder: Path) -> Path:
    """Those of two systems on EmoDB."""
    for path in FOLDER.glob("*/EMB.*.json"):
        if path.parent.name in SYSTEMS:
            copied = folder / path.relative_to(FOLDER)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copied)
    return folder


def one(entries: Path, name: str = f"{SYSTEMS[0]}/EMB.strict.json") -> tuple[Path, Entry]:
    return entries / name, read_entry(entries / name)


def emb_of(shared: Path, run: Path, change: dict, changed: Callable | None = None) -> Path:
    """Results of a random encoder on EmoDB, each with other values; `changed` makes more of them.

    Args:
        change: of results.
        changed: (row, its predictions or None) -> other values, for results and predictions.
    """
    run.mkdir()
    source = shared / "results" / "random-strict"
    answers: dict[tuple, dict] = {}
    for file in ("predictions.jsonl", "results.jsonl"):
        lines = (source / file).read_text().splitlines()
        rows = [row for row in map(json.loads, lines) if row["task"] == "EMB"]
        for row in rows:
            slot = (row["seed"], row["classifier"])
            if file == "predictions.jsonl":
                answers[slot] = row
            else:
                row |= change
            if changed is not None:
                row |= changed(row, answers.get(slot))
        (run / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_summary(summarise_all(RunFiles(run).results, [STRICT]), run)
    return run
