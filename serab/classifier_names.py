"""The names of the five classifiers, without scikit-learn, which takes a second to import."""

from __future__ import annotations

from collections.abc import Sequence

CLASSIFIER_NAMES = ("LDA", "QDA", "LR", "SVC", "RF")
"""In the order of `serab.classifiers`."""


def check_classifiers(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names as given, or all of them for None.

    Raises:
        ValueError: one that isn't among `CLASSIFIER_NAMES`, or none at all.
    """
    if names is None:
        return CLASSIFIER_NAMES
    is_single = isinstance(names, str) or not isinstance(names, Sequence)  # a number, say
    chosen = (str(names),) if is_single else tuple(names)
    unknown = [name for name in chosen if name not in CLASSIFIER_NAMES]
    if unknown or not chosen:
        raise ValueError(
            f"classifiers={list(chosen)}: expected a list from {', '.join(CLASSIFIER_NAMES)}."
        )
    return chosen
