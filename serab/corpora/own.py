"""Corpora of users: any number, each under a name of its own, made from tables."""

from __future__ import annotations

import re
from collections.abc import Iterable

from serab.corpora.records import Access, Corpus

_NAME = re.compile(r"[A-Z][A-Z0-9_-]{1,31}")


def own_corpus(code: str) -> Corpus:
    """The record of a user's corpus: its table says all that other records know beforehand."""
    return Corpus(
        code=code,
        name="Your own",
        language="any",
        access=Access.OWN,
        licence="yours",
        homepage="",
        citation="",
        grammar=re.compile(r"(?!)"),  # names say nothing: the table does
        example="a table with the columns path, speaker, emotion",
        labels=(),
        emotions=(),
    )


def check_name(code: str, taken: Iterable[str]) -> None:
    """Check that a user's corpus can have this name (upper case).

    Raises:
        ValueError: characters that a folder or a list of tasks can't have, or one that is taken.
    """
    if _NAME.fullmatch(code) is None:
        raise ValueError(
            f"{code!a}: no name for a corpus; expected 2 to 32 letters, digits, - or _, beginning "
            "with a letter."
        )
    if code in taken:
        raise ValueError(f"{code}: this name is taken; choose another one for your corpus.")
