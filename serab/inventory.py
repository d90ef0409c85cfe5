"""The utterances that a complete corpus holds, by name, so that missing ones can be named."""

from __future__ import annotations

from functools import cache
from pathlib import Path

NAMES = Path(__file__).with_name("names")
"""Lists of the corpora whose names follow no rule, one utterance id a word."""


@cache
def inventory(code: str) -> frozenset[str] | None:
    """Ids of all utterances of a corpus, those left out among them; None when not known."""
    listed = NAMES / f"{code}.txt"
    if listed.is_file():
        return frozenset(listed.read_text(encoding="utf-8").split())
    return None
