"""Output that suits a terminal, or a file in its place: a bar, or a line every so often."""

from __future__ import annotations

import io
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


def show_what_it_can() -> None:
    """Let standard output and error show as `?` what their encoding lacks, rather than raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
