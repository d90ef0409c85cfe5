"""Text from data, such as names and errors, made harmless for where it is shown."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Any

from rich.text import Text

_CONTROL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of what steers a terminal or a reader's eye and has no shape of its own."""


def one_line(text: str) -> str:
    """Control characters, line ends and what turns the direction of writing as escapes."""
    if text.isprintable():
        return text
    return "".join(
        c.encode("unicode_escape", "surrogatepass").decode()
        if unicodedata.category(c) in _CONTROL
        else c
        for c in text
    )


def on_screen(text: str, style: str = "") -> Text:
    """For rich: no markup, no escape sequence."""
    return Text(one_line(text), style=style)


def in_markdown(text: str, starts_block: bool = False) -> str:
    """For GitHub's Markdown: no HTML, no markup.

    Args:
        text: plain.
        starts_block: whether it stands where a heading or a list could begin.
    """
    text = re.sub(r"[\\`*\[\]|~$]", r"\\\g<0>", one_line(text))
    text = re.sub(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])", r"\\_", text)
    text = re.sub(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)", r"\\\g<0>", text)
    if starts_block:
        text = re.sub(r"^(\s*\d*)([#>+=.)-])", r"\1\\\2", text)
    return text


def in_html(text: str) -> str:
    """For HTML, inside of elements and of quoted attributes."""
    return html.escape(one_line(text))


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "±": r"$\pm$",
    "†": r"\dag{}",
    "…": r"\dots{}",
}


def in_latex(text: str) -> str:
    """For LaTeX; letters beyond Latin's, for which its fonts have none, become question marks."""
    return "".join(
        _LATEX.get(c, c if c in _LATEX or ord(c) < 0x180 else "?") for c in one_line(text)
    )


def in_csv(value: Any) -> Any:
    """For a cell of CSV: a spreadsheet must not take a text for a formula."""
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
