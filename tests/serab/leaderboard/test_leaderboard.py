"""Entries hold, come out of a run as they stand, and what was edited or is no result is refused."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from datamodules.typed_json import sealed
from serab.analyses.overlap import Overlap, Pair, Sameness
from serab.leaderboard.__main__ import main
from serab.leaderboard.add import check_whole
from serab.leaderboard.check import faults
from serab.leaderboard.entry import FOLDER, Entry, Heard, read_entries, read_entry, write_entry
from serab.leaderboard.page import page
from serab.leaderboard.rows import rows_of
from serab.leaderboard.table import BEGIN, END, table
from serab.protocol import STRICT
from serab.results.run_files import RunFiles
from serab.results.summary import summarise_all, write_summary
from tests.support.paths import ROOT

COMMAND = ("--command", "python evaluate.py")
KNOWN = ("--name", "random audio_ntt_512", *COMMAND)


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    """Two systems' entries on EmoDB."""
    for path in FOLDER.glob("*/EMB.*.json"):
        if path.parent.name in ("random-audio-ntt-512", "opensmile-compare-2016"):
            copied = tmp_path / "entries" / path.relative_to(FOLDER)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copied)
    return tmp_path / "entries"


def one(entries: Path, name: str = "random-audio-ntt-512/EMB.strict.json") -> tuple[Path, Entry]:
    return entries / name, read_entry(entries / name)


def emb_of(shared: Path, name: str, tmp_path: Path, change: dict) -> Path:
    """A run's results on EmoDB, changed."""
    run = tmp_path / "run"
    run.mkdir()
    for file in ("results.jsonl", "predictions.jsonl"):
        lines = (shared / "results" / name / file).read_text().splitlines()
        rows = [row for row in map(json.loads, lines) if row["task"] == "EMB"]
        changed = change if file == "results.jsonl" else {}
        (run / file).write_text("".join(json.dumps(row | changed) + "\n" for row in rows))
    write_summary(summarise_all(RunFiles(run).results, [STRICT]), run)
    return run


def test_those_of_the_repository_hold():
    assert faults({p: e for p, e in read_entries().items() if e.task in ("EMB", "EMV")}) == []


def test_a_run_gives_its_entries(entries, shared, tmp_path, capsys):
    path, entry = one(entries)
    path.unlink()
    known = ("--name", entry.system.name, "--command", entry.command)
    run = emb_of(shared, "random-strict", tmp_path, {})
    assert main(["add", str(run), *known, "--entries", str(entries)]) == 0
    assert read_entry(path).splits == entry.splits
    assert read_entry(path).utterances_digest == entry.utterances_digest
    assert str(path) in capsys.readouterr().out


def test_a_new_system_is_described(entries: Path, shared: Path, capsys: pytest.CaptureFixture):
    run = shared / "results" / "byol_a-strict"
    assert main(["add", str(run), "--name", "new", *COMMAND, "--entries", str(entries)]) == 1
    sentence = capsys.readouterr().err
    assert sentence.count("\n") == 1
    assert "new: is new here; give --kind, --licence, --pretraining, --source too" in sentence


def test_whether_pretraining_heard_the_corpus(entries, shared, tmp_path, capsys):
    path, entry = one(entries)
    path.unlink()
    run = emb_of(shared, "random-strict", tmp_path, {})
    found = Overlap("EMB", entry.corpus_digest, 535, recordings=90)
    found.pairs = [
        Pair("a.wav", u, Sameness.AUDIO.value) for u in ("03a01Fa", "03a01Fa", "03a01Nc")
    ]
    kept = tmp_path / "overlap.json"
    kept.write_text(json.dumps(sealed(found.content)))
    add = ["add", str(run), *KNOWN, "--entries", str(entries), "--overlap", str(kept)]
    assert main(add) == 0
    assert read_entry(path).heard == Heard(90, 535, 2)
    trained = replace(read_entry(path), system=replace(entry.system, kind="self-supervised"))
    assert "2 of 535 utterances" in page([trained])
    assert "not checked" in page([replace(trained, heard=None)])
    assert "nothing is heard" in page([entry])
    kept.write_text(json.dumps(sealed(replace(found, corpus_digest="0" * 64).content)))
    capsys.readouterr()
    assert main(add) == 1
    assert "is of another EMB than the corpora of the run (EMB)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"demo": True}, "EMB is demo speech"),
        ({"partial": True}, "EMB is a part of the corpus"),
    ],
)
def test_what_is_no_result(entries, shared, tmp_path, change, sentence, capsys):
    run = emb_of(shared, "random-strict", tmp_path, change)
    before = sorted(entries.rglob("*.json"))
    assert main(["add", str(run), *KNOWN, "--entries", str(entries)]) == 1
    assert sentence in capsys.readouterr().err
    assert sorted(entries.rglob("*.json")) == before


def test_folds_are_no_splits(shared: Path, tmp_path: Path):
    row = next(iter(RunFiles(emb_of(shared, "random-strict", tmp_path, {})).results))
    check_whole(tmp_path, row)
    with pytest.raises(ValueError, match="EMB was cross-validated over speakers"):
        check_whole(tmp_path, replace(row, folds=5))


def test_an_edited_entry_is_found(entries: Path, capsys: pytest.CaptureFixture):
    path, entry = one(entries)
    first, *others = entry.splits
    write_entry(replace(entry, splits=[replace(first, accuracy=0.99), *others]), entries)
    assert main(["check", "--entries", str(entries)]) == 1
    assert "accuracy is 0.9900, by its hits" in capsys.readouterr().err
    write_entry(entry, entries)
    assert main(["check", "--entries", str(entries)]) == 0
    path.write_text(path.read_text().replace('"kind": "random"', '"kind": "magic"'))
    assert main(["check", "--entries", str(entries)]) == 1
    assert "kind is 'magic'; expected one of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"corpus_digest": "0" * 64}, "corpus_digest isn't that of"),
        ({"leaks": ["2 speakers are in both"]}, "its parts share something"),
        ({"task": "DEMO"}, "isn't a corpus that others can get"),
        ({"splits": None}, "has 1 split(s); the strict protocol asks for 5"),
    ],
)
def test_what_disagrees_is_named(entries: Path, change: dict, fault: str):
    path, entry = one(entries)
    if "splits" in change:
        change = {"splits": entry.splits[:1]}
    found = faults({**read_entries(entries), path: replace(entry, **change)})
    assert any(fault in line for line in found)


def test_pairs_and_printed_rows(entries: Path):
    rows = rows_of(read_entries(entries).values())
    strict = [row for row in rows if row.protocol == "strict"]
    assert [row.system for row in strict] == ["openSMILE ComParE_2016", "random audio_ntt_512"]
    assert strict[0].behind is None
    assert strict[1].behind.difference > 0
    assert strict[1].p_holm < 0.05
    printed = [row for row in rows if row.kind == "printed"]
    assert len(printed) == 13
    assert {row.protocol for row in printed} == {"published"}


def test_page(entries: Path, tmp_path: Path):
    _, entry = one(entries)
    hostile = replace(entry, system=replace(entry.system, name="<script>alert(1)</script>"))
    text = page([hostile])
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert not re.search(r'(src|href)="', text)  # nothing from elsewhere
    assert main(["page", "--entries", str(entries), "--out", str(tmp_path / "site")]) == 0
    assert (tmp_path / "site/index.html").read_text().count("<tr data-task") == 4 + 13


def test_the_table_of_the_readme_is_that_of_the_entries():
    content = (ROOT / "README.md").read_text()
    between = content.split(BEGIN)[1].split(END)[0].strip()
    assert between == table(read_entries().values(), ["EMB", "EMV"])


def test_a_file_without_the_comments(entries: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "page.md").write_text("nothing\n")
    assert main(["table", str(tmp_path / "page.md"), "--entries", str(entries)]) == 1
    assert "has no `<!-- leaderboard -->`" in capsys.readouterr().err
    assert main(["page", "--entries", str(tmp_path / "none"), "--out", str(tmp_path)]) == 1
    assert "no entries" in capsys.readouterr().err
