"""A report as a list of blocks, whatever it is written as."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

_INLINE = re.compile(r"\*\*(.+?)\*\*|`([^`]+)`")


class Style(StrEnum):
    """How a piece of a line is set."""

    PLAIN = "plain"
    BOLD = "bold"
    CODE = "code"


def inline(text: str) -> Iterator[tuple[Style, str]]:
    """The pieces of a line in which `code` and **bold** are marked; writers escape each."""
    end = 0
    for match in _INLINE.finditer(text):
        if match.start() > end:
            yield Style.PLAIN, text[end : match.start()]
        bold, code = match.groups()
        yield (Style.CODE, code) if bold is None else (Style.BOLD, bold)
        end = match.end()
    if end < len(text):
        yield Style.PLAIN, text[end:]


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph, `code` and **bold** marked as in all text; `kind`: "", "note", "warning"."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """One number that should be seen first."""

    label: str
    number: str
    detail: str


@dataclass(frozen=True)
class Cards:
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Table:
    """Rows of text cells. `marks` gives a row a class: "own", "published", "group"."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    marks: tuple[str, ...] = ()


class Drawing(StrEnum):
    """What a picture is drawn as: PNG for light and dark surroundings, PDF for a paper."""

    LIGHT = "light"
    DARK = "dark"
    PDF = "pdf"


@dataclass(frozen=True)
class Picture:
    """A picture that is drawn when it is first asked for; `name` is that of its files."""

    name: str
    alt: str
    draw: Callable[[Drawing], bytes]

    @cached_property
    def light(self) -> bytes:
        return self.draw(Drawing.LIGHT)

    @cached_property
    def dark(self) -> bytes:
        return self.draw(Drawing.DARK)

    @property
    def pdf(self) -> bytes:
        return self.draw(Drawing.PDF)


@dataclass(frozen=True)
class Pictures:
    """Side by side where there is room."""

    pictures: tuple[Picture, ...]


Block = Heading | Text | Bullets | Cards | Table | Pictures


@dataclass(frozen=True)
class Page:
    title: str
    lead: str
    blocks: tuple[Block, ...]

    @property
    def pictures(self) -> list[Picture]:
        return [p for block in self.blocks if isinstance(block, Pictures) for p in block.pictures]
