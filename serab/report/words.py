"""How numbers are worded, on the screen and in reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serab.protocol import Mark

_DASH = "–"


FEW_SPEAKERS = 5
"""With fewer, an interval over speakers is but the range between them."""


MARKS = {Mark.SELECTED: "selected on validation", Mark.BEST_ON_TEST: "best on test"}


def _limits(interval: Sequence[float]) -> str:
    return f"{100 * interval[0]:.1f}-{100 * interval[1]:.1f}"


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with one decimal, a dash for None."""
    return _DASH if fraction is None else f"{100 * fraction:.1f}"


def parameters(params: Mapping[str, Any]) -> str:
    """A grid point in few words: C 1e-05 balanced linear."""
    words = []
    for name, value in params.items():
        if name == "class_weight":
            words += ["balanced"] if value else []
        elif isinstance(value, str):
            words.append(value)
        else:
            words.append(f"{_SHORT.get(name, name)} {value:g}")
    return " ".join(words) or _DASH


_SHORT = {"reg_param": "reg", "max_depth": "depth", "min_samples_split": "split"}
