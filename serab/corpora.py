"""The nine corpora of SERAB, and those beyond, as one table of frozen records."""

from __future__ import annotations

from serab.beyond import BEYOND
from serab.records import Access, Archive, Corpus, grammar

NINE: tuple[Corpus, ...] = (
    Corpus(
        code="EMB",
        name="EmoDB",
        language="German",
        access=Access.OPEN,
        licence="free for research",
        homepage="http://emodb.bilderbar.info",
        citation="Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss: A database of German emotional "
        "speech. Interspeech 2005",
        archives=(Archive("download.zip", "http://emodb.bilderbar.info/download/download.zip"),),
        grammar=grammar(r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[WLEAFTN])[a-z]"),
        labels=(
            ("W", "anger"),
            ("L", "boredom"),
            ("E", "disgust"),
            ("A", "fear"),
            ("F", "happiness"),
            ("N", "neutral"),
            ("T", "sadness"),
        ),
        emotions=("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"),
        counts=(127, 81, 46, 69, 71, 79, 62),
        utterances=535,
        speakers=10,
        mean_seconds=2.8,
        notes=("EmoDB 2.0 is larger (816 utterances) and is another corpus.",),
        serab=True,
    ),
)

CORPORA: dict[str, Corpus] = {corpus.code: corpus for corpus in NINE + BEYOND}
"""Code -> record; the nine first, in the paper's order."""


def corpus(code: str) -> Corpus:
    """The record of a code, in any case.

    Raises:
        ValueError: no such code; the message lists those there are.
    """
    record = CORPORA.get(code.upper())
    if record is None:
        raise ValueError(f"unknown corpus {code!r}; choose one of {', '.join(CORPORA)}.")
    return record
