"""Colours and markers of a report's maps: readers tell them apart, colour-blind ones too."""

from __future__ import annotations

from collections.abc import Sequence

PALETTE = (
    "#9e2a5e", "#0072b2", "#d55e00", "#cc79a7", "#009e73", "#e69f00", "#56b4e9", "#a8adb5",
)  # fmt: skip
"""Okabe and Ito's hues (https://jfly.uni-koeln.de/color/), wine in place of their yellow, and
a grey."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")

EMOTIONS = (
    *("calm", "sadness", "anger", "fear", "disgust", "happiness", "surprise", "neutral"),
    "boredom",
)
"""They look the same in every picture. The ninth has the first one's colour, which none of the nine
corpora has beside it."""

Look = tuple[str, str]
"""A colour and a marker."""


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """A look for each label; emotions have their own, no two labels have the same.

    Up to ten labels differ by their markers alone, and up to eight by their colours alone.
    """
    numbers = {label: EMOTIONS.index(label) for label in labels if label in EMOTIONS}
    taken = set(numbers.values())
    free = (number for number in range(len(MARKERS) * len(PALETTE)) if number not in taken)
    numbers |= {label: next(free) for label in labels if label not in numbers}
    return {label: _look(numbers[label]) for label in labels}


def _look(number: int) -> Look:
    # a second lap through the palette goes on with the markers
    lap = number // len(MARKERS)
    return PALETTE[(number + lap) % len(PALETTE)], MARKERS[number % len(MARKERS)]
