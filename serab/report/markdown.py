"""A page as GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.page import Bullets, Cards, Heading, Page, Pictures, Table, Text


def to_markdown(page: Page, picture_folder: str) -> str:
    """GitHub's Markdown; pictures are linked at `picture_folder`/NAME.png."""
    parts = [f"# {page.title}", page.lead]
    for block in page.blocks:
        match block:
            case Heading(text, level):
                parts.append(f"{'#' * level} {text}")
            case Text(text, kind):
                parts.append(f"> {text}" if kind else text)
            case Bullets(items):
                parts.append("\n".join(f"- {item}" for item in items))
            case Cards(cards):
                parts.append("\n".join(f"- {c.label}: **{c.number}** ({c.detail})" for c in cards))
            case Table():
                parts.append(_markdown_table(block))
            case Pictures(pictures):
                parts.append(
                    "\n".join(f"![{p.alt}]({picture_folder}/{p.name}.png)" for p in pictures)
                )
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    lines = [line(table.header), line(["---"] + ["---:"] * (len(table.header) - 1))]
    lines += [line(row) for row in table.rows]
    if table.caption:
        lines += ["", f"*{table.caption}*"]
    return "\n".join(lines)
