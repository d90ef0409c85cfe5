"""How numbers and choices are worded, on the screen and in reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serab.protocol import Mark

DASH = "–"
"""Stands where there is no number."""

FEW_SPEAKERS = 5
"""With fewer, an interval over speakers is but the range between them."""

MARKS = {Mark.SELECTED: "selected on validation", Mark.BEST_ON_TEST: "best on test"}
SHORT_MARKS = {Mark.SELECTED: "selected", Mark.BEST_ON_TEST: "best on test"}
"""For pictures, where room is scarce."""

_SHORT_PARAMETERS = {"reg_param": "reg", "max_depth": "depth", "min_samples_split": "split"}


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with one decimal, a dash for None."""
    return DASH if fraction is None else f"{100 * fraction:.1f}"


def percent_range(limits: Sequence[float] | None) -> str:
    """An interval of a fraction in percent: 61.9–82.1."""
    return DASH if limits is None else DASH.join(map(percent, limits))


def points(difference: float) -> str:
    """A difference of two fractions in percentage points, with its sign."""
    return f"{100 * difference:+.1f}"


def points_range(limits: Sequence[float] | None) -> str:
    """An interval of a difference in percentage points: -1.2 to +3.4."""
    return DASH if limits is None else " to ".join(map(points, limits))


def correlation(value: float | None) -> str:
    """A CCC or an RMSE, with three decimals."""
    return DASH if value is None else f"{value:.3f}"


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def right(accuracy: float, n_test: int) -> str:
    """How many utterances an accuracy is of: 53/84."""
    return f"{round(accuracy * n_test)}/{n_test}"


def parameters(params: Mapping[str, Any]) -> str:
    """A grid point in few words: C 1e-05 balanced linear."""
    words = []
    for name, value in params.items():
        if name == "class_weight":
            words += ["balanced"] if value else []
        elif isinstance(value, int | float):
            words.append(f"{_SHORT_PARAMETERS.get(name, name)} {value:g}")
        else:
            words.append(str(value))
    return " ".join(words) or DASH
