"""The nine corpora of SERAB, and those beyond, as one table of frozen records.

Counts, speakers and mean durations are those of Table 1 where it is consistent with the corpora:
CaFE holds 936 utterances, of which the paper counts 864 (no neutral ones) though it lists seven
classes, and of CREMA-D's 7,442 the published scores use 7,438.
"""

from __future__ import annotations

from serab.corpora.nine import NINE
from serab.corpora.others import BEYOND
from serab.corpora.own import check_name, own_corpus
from serab.corpora.records import Corpus

__all__ = ["BEYOND", "CORPORA", "NINE", "SERAB_TASKS", "Corpus", "corpus", "record_of"]

CORPORA: dict[str, Corpus] = {corpus.code: corpus for corpus in NINE + BEYOND}
"""Code -> record; the nine first, in the paper's order."""

SERAB_TASKS = tuple(corpus.code for corpus in NINE)
"""The codes of the benchmark."""


RESERVED = ("IEM_VA", "DOWNLOADS", "MERGED")
"""Names that tasks and folders have, so no corpus of a user."""


def record_of(code: str) -> Corpus:
    """The record of a prepared corpus: one of the table, or a user's own.

    Raises:
        ValueError: no name that a corpus can have.
    """
    if code in CORPORA:
        return CORPORA[code]
    check_name(code, RESERVED)
    return own_corpus(code)


def corpus(code: str) -> Corpus:
    """The record of a code, in any case.

    Raises:
        ValueError: no such code; the message lists those there are.
    """
    record = CORPORA.get(code.upper())
    if record is None:
        raise ValueError(f"unknown corpus {code!r}; choose one of {', '.join(CORPORA)}.")
    return record
