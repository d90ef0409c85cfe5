"""A page as GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from serab.escaping import in_markdown, one_line
from serab.report.page import Bullets, Cards, Heading, Page, Pictures, Style, Table, Text, inline


def to_markdown(page: Page, picture_folder: str) -> str:
    """GitHub's Markdown; pictures are linked at `picture_folder`/NAME.png."""
    parts = [f"# {_line(page.title)}", _line(page.lead, starts_block=True)]
    for block in page.blocks:
        match block:
            case Heading(text, level):
                parts.append(f"{'#' * level} {_line(text)}")
            case Text(text, kind):
                parts.append(("> " if kind else "") + _line(text, starts_block=True))
            case Bullets(items):
                parts.append("\n".join(f"- {_line(item, starts_block=True)}" for item in items))
            case Cards(cards):
                parts.append(
                    "\n".join(
                        f"- {_line(card.label, starts_block=True)}: **{_line(card.number)}** "
                        f"({_line(card.detail)})"
                        for card in cards
                    )
                )
            case Table():
                parts.append(_table(block))
            case Pictures(pictures):
                parts.append(
                    "\n".join(
                        f"![{in_markdown(picture.alt)}]({picture_folder}/{picture.name}.png)"
                        for picture in pictures
                    )
                )
    return "\n\n".join(parts) + "\n"


def _line(text: str, starts_block: bool = False) -> str:
    pieces = []
    for style, piece in inline(text):
        if style is Style.CODE:
            pieces.append(f"`{one_line(piece)}`")
        else:
            mark = "**" if style is Style.BOLD else ""
            pieces.append(mark + in_markdown(piece, starts_block and not pieces) + mark)
    return "".join(pieces)


def _table(table: Table) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    lines = [line([*map(_cell, table.header)])]
    lines += [line(["---"] + ["---:"] * (len(table.header) - 1))]
    lines += [line([*map(_cell, row)]) for row in table.rows]
    if table.caption:
        lines += ["", f"*{_line(table.caption)}*"]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Code spans keep their text as it is, but for what would end the cell."""
    return "".join(
        f"`{one_line(piece).replace('|', chr(92) + '|')}`"
        if style is Style.CODE
        else _line(f"**{piece}**" if style is Style.BOLD else piece)
        for style, piece in inline(text)
    )
