"""Corpora beyond the nine: evaluated on request, never part of UM, WM or GM."""

from __future__ import annotations

from serab.records import Access, Corpus, grammar

_DEMO_EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness")

BEYOND: tuple[Corpus, ...] = (
    Corpus(
        code="DEMO",
        name="Demo speech (synthetic)",
        language="six, synthetic",
        access=Access.OPEN,
        licence="made here",
        homepage="",
        citation="",
        grammar=grammar(
            rf"(?P<speaker>(?:de|el|en|fa|fr|it)_[fm]\d+)_(?P<emotion>{'|'.join(_DEMO_EMOTIONS)})_\d+"
        ),
        labels=tuple((emotion, emotion) for emotion in _DEMO_EMOTIONS),
        emotions=_DEMO_EMOTIONS,
        demo=True,
    ),
)
