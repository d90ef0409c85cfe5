"""A report as a list of blocks, whatever it is written as."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; `code` and **bold** are marked as in Markdown. `kind`: "", "note", "warning"."""

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


@dataclass(frozen=True)
class Picture:
    """A PNG for light and one for dark surroundings; `name` is that of its files."""

    name: str
    alt: str
    light: bytes
    dark: bytes


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
