"""Entries hold, come out of a run as they stand, and what was edited or is no result is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from datamodules.typed_json import sealed
from serab.analyses.overlap import Overlap, Pair, Sameness
from serab.leaderboard.__main__ import main
from serab.leaderboard.check import faults
from serab.leaderboard.entry import Heard, read_entries, read_entry, write_entry
from serab.leaderboard.page import page
from serab.leaderboard.rows import rows_of
from serab.leaderboard.table import BEGIN, END, table
from tests.support.board import copy_entries, emb_of, one
from tests.support.paths import ROOT

COMMAND = ("--command", "python evaluate.py")
KNOWN = ("--name", "random audio_ntt_512", *COMMAND)


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    return copy_entries(tmp_path / "entries")


def test_those_of_the_repository_hold():
    assert faults({p: e for p, e in read_entries().items() if e.task in ("EMB", "EMV")}) == []


def test_a_run_gives_its_entries(entries, shared, tmp_path, capsys):
    path, entry = one(entries)
    path.unlink()
    known = ("--name", entry.system.name, "--command", entry.command)
    run = emb_of(shared, tmp_path / "run", {})
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
    run = emb_of(shared, tmp_path / "run", {})
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


def test_an_installed_project_s_entries_stay(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr("serab.leaderboard.__main__.IS_INSTALLED", True)
    assert main(["add", str(tmp_path / "run"), *KNOWN]) == 1
    assert "--entries DIR: the entries of an installed project" in capsys.readouterr().err
    assert main(["add", str(tmp_path / "run"), *KNOWN, "--entries", str(tmp_path)]) == 1
    assert "--entries DIR" not in capsys.readouterr().err  # there is no such run


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"demo": True}, "EMB is demo speech"),
        ({"partial": True}, "EMB is a part of the corpus"),
    ],
)
def test_what_is_no_result(entries, shared, tmp_path, change, sentence, capsys):
    run = emb_of(shared, tmp_path / "run", change)
    before = sorted(entries.rglob("*.json"))
    assert main(["add", str(run), *KNOWN, "--entries", str(entries)]) == 1
    assert sentence in capsys.readouterr().err
    assert sorted(entries.rglob("*.json")) == before


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
