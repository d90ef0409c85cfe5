"""Runs of data with hostile names are reported; runs with edited numbers aren't."""

import re

import pytest

from serab.report.__main__ import main
from serab.report.write import write_report
from tests.support.small_run import edit, make_run

SPEAKERS = ("[/red]", "[/]", "<b>x")
EMOTIONS = ["[/x]", "<script>alert(1)</script>", "$\\frac$\n\x1b[31m"]
EXTRACTOR = "=cmd|' /C calc'!A0 <img src=x onerror=alert(1)>\n\n# Heading\n|x|"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    run = make_run(folder / "run", "published", ("../../EMB",), (0,), SPEAKERS, EMOTIONS, EXTRACTOR)
    write_report([run], folder / "out")
    return folder


def test_markdown_has_no_html_and_no_blocks_of_the_data(report):
    text = (report / "out/report.md").read_text()
    assert re.findall(r"(?<!\\)<[A-Za-z/!?]", text) == []
    assert "\n# Heading" not in text
    assert all(line.isprintable() for line in text.splitlines())
    widths = {}
    for number, line in enumerate(text.splitlines()):
        if line.startswith("|"):
            widths[number] = len(re.findall(r"(?<!\\)\|", line))
            assert widths.get(number - 1, widths[number]) == widths[number]


def test_html_has_no_element_of_the_data(report):
    text = (report / "out/report.html").read_text()
    assert "<script" not in text
    assert "<img src=x" not in text
    assert "\x1b" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;\\n\\n# Heading" in text


def test_pictures_stay_in_their_folder(report):
    outside = [p for p in report.rglob("*.png") if p.parent != report / "out/pictures"]
    assert outside == []
    assert len(list((report / "out/pictures").glob("*.png"))) == 2 * 2  # accuracy, confusion


def test_an_edited_run_is_refused(tmp_path, capsys):
    run = make_run(tmp_path / "run")
    edit(run / "results.jsonl", 1, test_accuracy=0.93)
    for sentence in ("results.jsonl was changed", "test_accuracy is 0.93; its predictions give"):
        assert main([str(run), "--out", str(tmp_path / "out")]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"error: {run}: ")
        assert sentence in error
        assert "python -m serab.verify" in error
        assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()
        (run / "checksums.json").unlink(missing_ok=True)


def test_a_damaged_map_is_named(tmp_path, capsys):
    run = make_run(tmp_path / "run")
    path = run / "projections/EMB.published.npz"
    path.parent.mkdir()
    for content in (b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x06\x00{(((\n"):
        path.write_bytes(content)
        assert main([str(run), "--out", str(tmp_path / "out")]) == 1
        assert f"error: {path}: can't be read (" in capsys.readouterr().err


def test_the_headline_of_any_corpus_is_the_mean_over_splits(tmp_path):
    """One of the nine and one beyond: five splits, whose mean stands first and in every table."""
    run = make_run(tmp_path / "run", "strict", ("EMB", "EMV", "NEMO"), (0, 1, 2, 3, 4))
    write_report([run], tmp_path / "out")
    text = (tmp_path / "out/report.md").read_text()
    cards = re.findall(r"^- .*: \*\*(\w+) ([\d.]+) %\*\* \(mean of 5 splits, ± [\d.]+;", text, re.M)
    assert [task for task, _ in cards] == ["EMB", "EMV", "NEMO"]
    over = text[text.index("## Over several speaker splits") :]
    for task, mean in cards:
        assert re.search(rf"\| {task} \| {mean} \|", over)
    present = text[text.index("### Over the 2 tasks") : text.index("## Accuracy and")]
    (row,) = re.findall(r"\| small, strict, selected on validation \| ([\d.]+) \|", present)
    assert float(row) == pytest.approx((float(cards[0][1]) + float(cards[1][1])) / 2, abs=0.1)
