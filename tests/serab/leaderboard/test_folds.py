"""A cross-validation over all speakers is an entry of its own kind, compared with its like."""

from dataclasses import replace
from pathlib import Path

import pytest

from serab.intervals import Over, score_interval
from serab.leaderboard.__main__ import main
from serab.leaderboard.add import entries_of
from serab.leaderboard.check import faults
from serab.leaderboard.comparison import comparison
from serab.leaderboard.entry import Entry, read_entries, read_entry, write_entry
from serab.leaderboard.rows import rows_of
from serab.leaderboard.table import table
from serab.results.records import Predictions, speaker_accuracies
from tests.support.board import copy_entries, emb_of, one


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    return copy_entries(tmp_path / "entries")


def as_folds(entries: Path) -> Path:
    """The splits of an entry as folds that test every speaker once, each other one right."""
    _, entry = one(entries)
    folds = []
    for fold in range(3):
        digits = "10" * 5 if fold else "1" * 10
        limits = [
            score_interval(["1"] * 10, list(digits), [f"s{fold}"] * 10, over)
            for over in (Over.UTTERANCES, Over.SPEAKERS)
        ]
        utterances, speakers = ([i.low, i.high] if i else None for i in limits)
        changed = {"seed": fold, "accuracy": digits.count("1") / 10, "hits": [(f"s{fold}", digits)]}
        split = replace(entry.first, over_utterances=utterances, over_speakers=speakers, **changed)
        folds.append(split)
    return write_entry(replace(entry, splits=folds, folds=3), entries)


def test_a_cross_validation_is_an_entry_of_its_own(entries: Path):
    path = as_folds(entries)
    assert path.name == "EMB.strict-3-folds.json"
    entry = read_entry(path)
    present = read_entries(entries)
    assert faults(present) == []
    assert entry.mean == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert entry.predictions.speakers == [s for s in ("s0", "s1", "s2") for _ in range(10)]
    (row,) = (row for row in rows_of(present.values()) if row.protocol == "strict, 3 folds")
    assert (row.low, row.high) == (0.5, 1.0)
    assert row.behind is None
    assert "| EMB strict | EMB strict, 3 folds |" in table(present.values(), ["EMB"])
    (first, second, _) = entry.splits
    twice = replace(second, hits=[("s0", second.digits)])
    for splits, fault in (
        ([first, second], "has 2 of 3 folds"),
        ([first, twice, entry.splits[2]], "1 speakers (such as s0) are tested by several folds"),
    ):
        found = faults({path: replace(entry, splits=splits)})
        assert any(fault in line for line in found)


def as_fold(row: dict, answers: dict | None) -> dict:
    """A row of a split as one of a fold."""
    if answers is None or "val_accuracy" not in row:
        return {"folds": 5}
    return {"folds": 5, "by_speaker": speaker_accuracies(Predictions(**answers))}


def test_folds_come_out_of_a_run(shared: Path, tmp_path: Path):
    run = emb_of(shared, tmp_path / "run", {}, as_fold)
    described = {"name": "x", "kind": "random", "licence": "MIT", "pretraining": "none"}
    described |= {"source": "here", "parameters": 0}
    (entry,) = entries_of(run, described, "python evaluate.py splits=folds:5")
    assert (entry.folds, entry.division) == (5, "strict, 5 folds")
    assert read_entry(write_entry(entry, tmp_path / "entries")) == entry
    assert "are tested by several folds" in faults({tmp_path / entry.path: entry})[0]


def test_side_by_side(entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    """Two systems of which one is right where the other is, and wherever it is not."""
    path = as_folds(entries)
    entry = read_entry(path)
    better = replace(entry, system=replace(entry.system, name="better"), splits=all_right(entry))
    write_entry(better, entries)
    text = comparison(read_entries(entries).values(), ["EMB"])
    block = text.split("**EMB, strict, 3 folds**")[1].split("**")[0]
    first, second = block.strip().splitlines()[2:]
    assert first.startswith("| better | 512 | 100.0 ± 0.0 | 100.0–100.0 | 100.0–100.0 |")
    assert first.endswith("| – | – | – | – |")
    assert "| 66.7 ± 28.9 | 50.0–100.0 |" in second
    assert second.endswith("| +33.3 | +0.0 to +50.0 | 10, 0 | 0.002 |")
    assert main(["table", "--paired", "--entries", str(entries), "--tasks", "EMB"]) == 0
    assert capsys.readouterr().out.strip() == text


def all_right(entry: Entry) -> list:
    """Its folds, every answer right."""
    return [
        replace(
            split,
            accuracy=1.0,
            hits=[(speaker, "1" * len(digits)) for speaker, digits in split.hits],
            over_utterances=[1.0, 1.0],
        )
        for split in entry.splits
    ]
