"""Split lists of others: real ones of EmoBox, tables of several styles, leaks made by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from serab.analyses.__main__ import main
from serab.analyses.audit import audit, audit_folds, table
from serab.analyses.folds import SpeakerFolds
from serab.analyses.lists import Fold, folds, list_files, read_list
from serab.analyses.price import price
from serab.corpora import CORPORA
from serab.embed.cache import Cache
from tests.support.analysed import Spectrum, analysed_corpus


@pytest.fixture(autouse=True)
def nothing_prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_emobox(shared):
    """The facts that its eight corpora are known for."""
    audits = {found.code: found for found in audit([shared / "data/splits/emobox"])}
    assert set(audits) == {"AES", "CAF", "CRE", "EMB", "EMV", "RAV", "SAV", "SHE"}
    assert [f.speakers for f in audits["EMB"].folds] == [(10, 10)] * 5
    assert audits["CRE"].folds[0].speakers == (91, 91)
    assert audits["AES"].folds[0].speakers == (6, 6)
    for code in ("CAF", "EMV", "RAV", "SAV"):
        assert all(f.speakers[0] == 0 for f in audits[code].folds)
    assert (audits["EMB"].utterances, audits["EMB"].missing, audits["EMB"].foreign) == (535, (), ())
    assert len(audits["CRE"].left_out) == 4
    assert audits["SHE"].missing == 162
    assert not any(f.recordings for found in audits.values() for f in found.folds)
    assert len(table(list(audits.values())).rows) == 8


def test_tables_of_several_styles(tmp_path):
    evar = tmp_path / "evar.csv"
    evar.write_text("file_name,label,split\nwav/03a01Fa.wav,F,train\nwav/08a01Fd.wav,F,valid\n"
                    "wav/03a02Nc.wav,N,test\n")  # fmt: skip
    (fold,) = folds([(evar, read_list(evar))])
    assert {part: len(names) for part, names in fold.parts.items()} == dict.fromkeys(
        ("train", "validation", "test"), 1
    )
    found = audit_folds("EMB", [fold]).folds[0]
    assert (found.speakers, found.sentences) == ((1, 1), (0, 1))
    assert found.validation_speakers == (0, 1)
    numbered = tmp_path / "kfold.tsv"
    numbered.write_text("fold\tid\n1\t03a01Fa\n2\t08a01Fd\n3\t03a02Nc\n")
    parts = folds([(numbered, read_list(numbered))])
    assert [(len(f.parts["train"]), len(f.parts["test"])) for f in parts] == [(2, 1)] * 3


def test_what_is_shared_twice_or_foreign_is_named(tmp_path, capsys):
    lists = tmp_path / "lists.csv"
    lists.write_text("path,split\n03a01Fa.wav,train\n03a01Fa.wav,test\n99zz.wav,test\n")
    assert main(["audit", str(lists), "--task", "EMB"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "in two parts: 03a01Fa." in printed
    assert "none of its utterances: 99zz.wav." in printed
    assert "and 524 more" in printed  # what no part has


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("path,split\nfoo.wav,train\n", "none of its 1 rows names an utterance of EMB"),
        ("path,label\n03a01Fa.wav,F\n", "must name a column of recordings"),
        ("path,split\n03a01Fa.wav,somewhere\n", "line 2: its part is 'somewhere'"),
        ("path,split\n", "has no rows"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path, capsys, content, sentence):
    lists = tmp_path / "lists.csv"
    lists.write_text(content)
    assert main(["audit", str(lists), "--task", "EMB"]) == 1
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


def test_lists_that_are_not_there(tmp_path, capsys):
    assert main(["audit", str(tmp_path / "gone")]) == 1
    assert "no such file or folder" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no split list"):
        list_files([tmp_path])
    bad = tmp_path / "train.jsonl"
    bad.write_text("{")
    with pytest.raises(ValueError, match=r"train.jsonl, line 1: isn't JSON"):
        read_list(bad)


def test_price(tmp_path):
    """Lists that test on the training speakers: scored on their utterances, beside strict's all."""
    index = analysed_corpus(tmp_path, "EMB", speakers=("03", "08", "09", "10", "11"))
    letters = {emotion: letter for letter, emotion in CORPORA["EMB"].labels}
    named = [replace(u, id=f"{u.speaker}a0{u.text}{letters[u.emotion]}a") for u in index.utterances]
    index = replace(index, utterances=tuple(sorted(named, key=lambda u: u.id)))
    speaker_folds = SpeakerFolds(Spectrum(), index, Cache(tmp_path / "cache"), ("LDA",), jobs=1)
    names = [f"wav/{u.id}.wav" for u in index.utterances]
    fold = Fold("1", {"train": names[::2], "validation": [], "test": [*names[1::2], "foreign.wav"]})
    values = {f.condition["split"]: f for f in price(speaker_folds, audit_folds("EMB", [fold]))}
    assert {name: values[name].n_test for name in ("lists", "random clips", "strict")} == {
        "lists": 35, "random clips": 35, "strict": 70,
    }  # fmt: skip
    worth = values["lists - strict"]
    assert (worth.n_test, worth.speakers) == (35, 5)
    assert worth.interval[0] <= worth.value <= worth.interval[1]
    emptied = audit_folds("EMB", [Fold("1", {**fold.parts, "train": [], "test": names[:2]})])
    with pytest.raises(ValueError, match="has 0 training and 2 test utterances that are known"):
        price(speaker_folds, emptied)
