"""How far a long step is: a bar on a terminal, a line every so often in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

LINE_EVERY = 30.0
"""Seconds between two lines."""


class _Lines:
    """A stream that takes what a bar draws and writes each state of it as a line."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line:
            self.stream.write(f"{line}\n")

    def flush(self) -> None:
        self.stream.flush()


def progress(
    items: Iterable | None = None, title: str = "", total: float | None = None, unit: str = "it"
) -> tqdm:
    """A bar over `items`, or one to update by hand; without a terminal it writes lines.

    Args:
        items: what is gone through, if anything.
        title: what is done.
        total: of `unit`; by default as many as there are items.
        unit: what is counted.
    """
    shared: dict[str, Any] = {"desc": title, "total": total, "unit": unit, "leave": False}
    if sys.stderr.isatty():
        return tqdm(items, **shared)
    return tqdm(
        items,
        **shared,
        file=_Lines(sys.stderr),
        mininterval=LINE_EVERY,
        maxinterval=LINE_EVERY,
        delay=LINE_EVERY,
        ascii=True,
        bar_format="{desc}: {n:.0f} of {total_fmt}{unit}, {elapsed} gone, {remaining} left",
    )
