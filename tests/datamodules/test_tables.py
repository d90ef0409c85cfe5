"""Tables as spreadsheets write them, and those that aren't tables."""

import unicodedata

import pytest

from datamodules.tables import find_file, read_table


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_separator_mark_and_line_end(separator, mark, end, tmp_path):
    rows = [("Path", '"speaker"'), ("a, b.wav" if separator != "," else '"a, b.wav"', "x")]
    text = mark + end.join(separator.join(row) for row in rows) + end
    (tmp_path / "t.csv").write_bytes(text.encode())
    assert list(read_table(tmp_path / "t.csv", ("path", "speaker"))) == [
        (2, {"path": "a, b.wav", "speaker": "x"})
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", r"lacks the column\(s\) path"),
        (b"x,y\n", r"lacks the column\(s\) path"),
        (b"x,path\n1,a.wav\n2\n", "line 3: has 1 cells where the header has 2"),
        (b"path\n\xff\n", "not UTF-8"),
        (b"path\n" + b"a" * 200_000, "line 2: not a row of a table"),
    ],
)
def test_bad_tables(content, complaint, tmp_path):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        list(read_table(tmp_path / "t.csv", ("path",)))


def test_accents_in_either_form(tmp_path):
    composed, decomposed = (unicodedata.normalize(f, "café.wav") for f in ("NFC", "NFD"))
    assert find_file(tmp_path, decomposed) == decomposed
    (tmp_path / composed).touch()
    assert find_file(tmp_path, decomposed) == composed
    assert find_file(tmp_path, composed) == composed
