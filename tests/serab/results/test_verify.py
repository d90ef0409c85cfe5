"""A run's numbers computed again: what holds is quiet, each edit is named."""

import json
import re
from dataclasses import fields

import pytest

from serab.results.records import ClassifierResult, Predictions
from serab.results.run_files import RunFiles
from serab.results.verify import verify_run
from serab.verify import main
from tests.support.small_run import edit, make_run


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


def unchecked_run(run):
    """As run directories of before: nothing but the numbers themselves tells an edit."""
    (run / "checksums.json").unlink()
    return run


@pytest.mark.parametrize("protocol", ["published", "strict"])
@pytest.mark.parametrize("speakers", [("03", "08", "12"), ("03",)])
def test_what_holds_is_quiet(tmp_path, protocol, speakers):
    tasks, seeds = ("EMB", "TESS"), (0,) if protocol == "published" else (0, 1)
    run = make_run(tmp_path, protocol, tasks, seeds, speakers)
    found = verify_run(run)
    assert found.wrong == ()
    assert found.unchecked == ()
    assert found.tested == 4  # both classifiers, or the selected ones of two splits


EDITS = [
    ("results.jsonl", 1, {"test_accuracy": 0.93}, r"test_accuracy is 0\.93; its predictions give"),
    ("results.jsonl", 1, {"test_uar": 0.5}, "test_uar is 0.5"),
    ("results.jsonl", 1, {"test_macro_f1": 0.5}, "test_macro_f1"),
    ("results.jsonl", 1, {"over_utterances": [0.9, 0.95]}, "over_utterances"),
    ("results.jsonl", 1, {"over_speakers": None}, "over_speakers is None"),
    ("results.jsonl", 1, {"n_test": 6000}, "n_test is 6000"),
    ("results.jsonl", 0, {"val_accuracy": 0.1234}, "is no share of 40 utterances"),
    ("results.jsonl", 0, {"val_accuracy": 1.0}, "LDA: is not marked selected; by the scores it's"),
    ("results.jsonl", 1, {"selected": False}, "QDA: is not marked selected"),
    ("results.jsonl", 0, {"best_on_test": True}, "LDA: is marked best_on_test; by the scores it's"),
    ("results.jsonl", 1, {"majority": 0.4}, "the classifiers differ in majority"),
    ("results.jsonl", 1, {"chance": 0.5}, "chance is 0.5"),
    ("results.jsonl", 1, {"speakers": ["03"]}, "speakers"),
    ("results.jsonl", 1, {"corpus_digest": "0"}, "the classifiers differ in corpus_digest"),
    ("results.jsonl", 1, {"extractor_fingerprint": "0"}, "more than one extractor_fingerprint"),
    ("results.jsonl", 1, {"protocol": "other"}, "no such protocol"),
    ("results.jsonl", 1, {"seed": 1}, "no predictions in predictions.jsonl"),
    ("results.jsonl", 1, {"test_accuracy": None}, "test_macro_f1.* and no test_accuracy"),
    ("results.jsonl", 1, {"params": {"reg_param": 7}}, "is no point of its grid"),
    ("results.jsonl", 1, {"scikit_learn": "2"}, "the classifiers differ in scikit_learn"),
    ("predictions.jsonl", 1, {"predicted": ["anger"] * 60}, "QDA: test_accuracy is"),
    ("predictions.jsonl", 1, {"utterances": [f"v{i}" for i in range(60)]}, "differ in utterances"),
    ("predictions.jsonl", 1, {"true": ["fear"] * 60}, "the predictions differ in true"),
]


@pytest.mark.parametrize(("name", "line", "change", "sentence"), EDITS)
def test_an_edit_is_named(run, name, line, change, sentence, capsys):
    edit(unchecked_run(run) / name, line, **change)
    assert main([str(run)]) == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    errors = [text for text in printed.err.splitlines() if text.startswith(f"error: {run}: ")]
    assert any(re.search(sentence, text) for text in errors), printed.err
    assert "things don't hold" in printed.out


def test_all_right_after_altered_predictions(run):
    """84 of 84 beside an accuracy of 63 %."""
    (row, _) = RunFiles(run).predictions
    edit(unchecked_run(run) / "predictions.jsonl", 0, predicted=row.true)
    assert any("its predictions give 1" in sentence for sentence in verify_run(run).wrong)


def test_the_summary_is_computed_again(run):
    path = unchecked_run(run) / "summary.json"
    summary = json.loads(path.read_text())
    summary["accuracies"]["EMB"] = 0.99
    path.write_text(json.dumps(summary))
    (wrong,) = verify_run(run).wrong
    assert wrong.startswith("summary.json: accuracies is {'EMB': 0.99}; the results give")
    path.unlink()
    found = verify_run(run)
    assert found.wrong == ()
    assert "isn't finished" in found.unchecked[0]


def test_what_no_number_gives_away_the_checksum_does(run):
    for field, value in (("seconds", 9.0), ("n_train", 1000), ("embed_dim", 9)):
        run = make_run(run.with_name(field))
        for line in (0, 1):
            edit(run / "results.jsonl", line, **{field: value})
        (wrong,) = verify_run(run).wrong
        assert wrong.startswith("results.jsonl was changed since it was written")
        with pytest.raises(ValueError, match=r"serab\.verify .*says which numbers don't hold"):
            RunFiles(run)


def test_an_evaluation_that_was_stopped_is_none_that_is_wrong(tmp_path):
    run = make_run(tmp_path, "strict")
    for line in (0, 1):
        edit(run / "results.jsonl", line, selected=False)
    (run / "checksums.json").unlink()
    (run / "summary.json").unlink()
    found = verify_run(run)
    assert found.wrong == ()
    assert "EMB, strict, 0: isn't finished" in found.unchecked


def refused(run) -> str | None:
    try:
        RunFiles(run)
    except ValueError as error:
        return str(error)
    return None


VALUES = (None, "word", -1, 0, 1e9, 1.5, float("nan"), float("inf"), [], {}, True, ...)
VALUES += ({"_target_": "os.system"}, "<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (name, field.name)
        for name, kind in (("results.jsonl", ClassifierResult), ("predictions.jsonl", Predictions))
        for field in fields(kind)
    ],
)
def test_no_field_of_another_type_is_believed(run, name, field):
    """Each in turn: read as it was, or one sentence; never another number in silence."""
    path = run / name
    whole, before = path.read_bytes(), list(RunFiles(run).results)
    for value in VALUES:
        path.write_bytes(whole)
        edit(path, 1, **{field: value})
        refusal = refused(run)
        if refusal is None:
            assert list(RunFiles(run).results) == before
        else:
            assert refusal.startswith(f"{path}: ")
            assert refusal.isprintable()


def test_runs_that_this_repository_made(shared):
    for name in ("byol_a-published", "opensmile-strict"):
        found = verify_run(shared / "results" / name)
        assert found.wrong == ()
        assert found.tested == 20


def test_bad_input_is_one_sentence(tmp_path, capsys):
    (tmp_path / "results.jsonl").write_bytes(b"\xff")
    for path, sentence in (
        (tmp_path, "line 1: isn't UTF-8 text"),
        (tmp_path / "nowhere", "no results"),
    ):
        assert main([str(path)]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"error: {path}")
        assert sentence in error
        assert error.count("\n") == 1


def test_files_that_people_had(shared, tmp_path):
    """A task that is a list, in two files; a byte that isn't UTF-8."""
    cases = [*(shared / "cases").glob("09-*/*.jsonl"), *(shared / "cases").glob("12-*/*.jsonl")]
    assert len(cases) == 3
    for number, case in enumerate(cases):
        path = tmp_path / str(number) / f"{case.name.split('.')[0]}.jsonl"
        path.parent.mkdir()
        path.write_bytes(case.read_bytes())
        with pytest.raises(ValueError, match=r"jsonl: line 1: (task should|isn't UTF-8)"):
            RunFiles(path.parent)
