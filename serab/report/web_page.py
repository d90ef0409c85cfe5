"""A page as one HTML file that needs nothing else: light and dark, desktop and phone."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from serab.escaping import in_html
from serab.report.page import (
    Block,
    Bullets,
    Card,
    Cards,
    Heading,
    Page,
    Picture,
    Pictures,
    Style,
    Table,
    Text,
    inline,
)

STYLE = Path(__file__).with_name("style.css")
_TAGS = {Style.BOLD: "strong", Style.CODE: "code"}
PHONE_LETTERS, FOLDED_LETTERS, LONG_LETTERS = 44, 18, 45
"""What a phone shows of a table without scrolling, what a line of a cell has of a longer text, and
from where on a text has a wide cell."""
MOST_COLUMNS = 8
"""Tables with more are set smaller, to be seen whole on a desktop."""
_NUMBER = re.compile(r"[\s*<>±+−–0-9.,/%†-]*|[+-][\d.]+ to [+-][\d.]+")


def to_html(page: Page) -> str:
    """One file: style and pictures inside, light and dark, no script, nothing from elsewhere."""
    headings = [b.text for b in page.blocks if isinstance(b, Heading) and b.level == 2]
    contents = "".join(f'<a href="#{_anchor(text)}">{_inline(text)}</a>' for text in headings)
    body = "\n".join(_html_block(block) for block in page.blocks)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{in_html(page.title)}</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header><h1>{_inline(page.title)}</h1><p class="lead">{_inline(page.lead)}</p></header>
<nav aria-label="contents">{contents}</nav>
<main>
{body}
</main>
</body>
</html>
"""


def _html_block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f'<h{level} id="{_anchor(text)}">{_inline(text)}</h{level}>'
        case Text(text, kind):
            return f'<p class="{kind}">{_inline(text)}</p>' if kind else f"<p>{_inline(text)}</p>"
        case Bullets(items):
            return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"
        case Cards(cards):
            return '<div class="cards">' + "".join(map(_html_card, cards)) + "</div>"
        case Table():
            return _html_table(block)
        case Pictures(pictures):
            return '<div class="pictures">' + "".join(map(_html_picture, pictures)) + "</div>"


def _html_card(card: Card) -> str:
    return (
        f'<div class="card"><span class="label">{_inline(card.label)}</span>'
        f'<span class="number">{_inline(card.number)}</span>'
        f'<span class="detail">{_inline(card.detail)}</span></div>'
    )


def _html_table(table: Table) -> str:
    marks = table.marks or ("",) * len(table.rows)
    numbers = [
        all(_NUMBER.fullmatch(row[column]) for row in table.rows)
        for column in range(len(table.header))
    ]
    head = "".join(
        f'<th scope="col"{_class(number)}>{_inline(cell)}</th>'
        for cell, number in zip(table.header, numbers, strict=True)
    )
    body = ""
    for row, mark in zip(table.rows, marks, strict=True):
        cells = (
            f"<td{_class(n, c)}>{_inline(c)}</td>"
            for c, n in zip(row[1:], numbers[1:], strict=True)
        )
        body += f'<tr class="{mark}"><th scope="row">{_inline(row[0])}</th>{"".join(cells)}</tr>'
    caption = f"<figcaption>{_inline(table.caption)}</figcaption>" if table.caption else ""
    columns = len(table.header)
    hint = (
        f'<p class="more">{columns} columns: more to the right &rarr;</p>'
        if _letters(table) > PHONE_LETTERS
        else ""
    )
    return (
        f'<figure>{hint}<div class="scroll" tabindex="0" role="region" aria-label="table">'
        f"<table{_dense(table)}><thead>"
        f"<tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{caption}</figure>"
    )


def _letters(table: Table) -> int:
    """About how wide a table is; a name or a text is folded."""
    columns = zip(table.header, *table.rows, strict=True)
    return sum(3 + min(max(len(cell) for cell in cells), FOLDED_LETTERS) for _, *cells in columns)


def _dense(table: Table) -> str:
    return ' class="dense"' if len(table.header) > MOST_COLUMNS else ""


def _class(number: bool, cell: str = "") -> str:
    kind = "number" if number else "long" if len(cell) > LONG_LETTERS else ""
    return f' class="{kind}"' if kind else ""


def _html_picture(picture: Picture) -> str:
    light, dark = (
        "data:image/png;base64," + base64.b64encode(content).decode()
        for content in (picture.light, picture.dark)
    )
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img alt="{in_html(picture.alt)}" src="{light}"></picture>'
    )


def _inline(text: str) -> str:
    pieces = []
    for style, piece in inline(text):
        escaped = in_html(piece).replace(" %", "\u00a0%")
        tag = _TAGS.get(style)
        pieces.append(f"<{tag}>{escaped}</{tag}>" if tag else escaped)
    return "".join(pieces)


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
