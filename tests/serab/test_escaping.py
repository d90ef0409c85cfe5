"""Text from data does nothing where it is shown: on the screen, in Markdown, HTML and CSV."""

import csv
import io

import pytest
from rich.console import Console

from serab.escaping import in_csv, in_html, in_markdown, on_screen, one_line

HOSTILE = (
    "[/red]",
    "[bold]x",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://x\x07",
    "a\nb\r\tc",
    "\u202egnp.exe",
    "\x9b31m",
    "\udcff",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_on_screen(text):
    file = io.StringIO()
    Console(file=file, force_terminal=True, color_system=None).print(on_screen(text))
    assert file.getvalue() == one_line(text) + "\n"
    assert one_line(text).isprintable()


def test_plain_text_stays():
    for text in ("Françoise 03", "日本", "a–b", "x [y] *z*", "5.0 %"):
        assert one_line(text) == text
        assert str(on_screen(text)) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<img src=x onerror=alert(1)>", "\\<img src=x onerror=alert(1)>"),
        ("[a](javascript:x)", "\\[a\\](javascript:x)"),
        ("*a* `b` ~~c~~ |d| $e$", "\\*a\\* \\`b\\` \\~\\~c\\~\\~ \\|d\\| \\$e\\$"),
        ("_a_ byol_s_512", "\\_a\\_ byol_s_512"),
        ("&lt; & < 0.001", "\\&lt; & < 0.001"),
        ("a\n\n# b", "a\\\\n\\\\n# b"),
        ("\\<b>", "\\\\\\<b>"),
    ],
)
def test_in_markdown(text, escaped):
    assert in_markdown(text) == escaped


def test_where_a_block_could_begin():
    for text in ("# a", "- a", "+ a", "> a", "1. a", "=="):
        assert in_markdown(text, starts_block=True) != text
        assert in_markdown(text) == text


def test_in_html():
    assert in_html("<b>&\"'\x1b") == "&lt;b&gt;&amp;&quot;&#x27;\\x1b"


@pytest.mark.parametrize("cell", ["=1+2", "+1+2", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "-x"])
def test_no_formula(cell):
    assert in_csv(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-0.5", "+3", "1e-05", "text", "a=b", "", None, -0.5, 3])
def test_values_stay(cell):
    file = io.StringIO()
    csv.writer(file).writerow([in_csv(cell)])
    assert next(csv.reader([file.getvalue()])) == ["" if cell is None else str(cell)]
