"""Who is tested when: the speaker splits of seeds, or the folds of a cross-validation over all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serab.protocol import Protocol, split_seeds


@dataclass(frozen=True)
class Draw:
    """Who is tested: the speakers that a seed draws, or a fold of a cross-validation over all.

    Args:
        number: the seed, or the fold from 0 on.
        folds: how many there are; None for a seed.
    """

    number: int
    folds: int | None = None

    @property
    def name(self) -> int | str:
        """In results and on the screen: the seed, or the fold as 3/10."""
        return self.number if self.folds is None else f"{self.number + 1}/{self.folds}"


SPEAKERS, FOLDS = "speakers", "folds:"
"""Values of splits= beside numbers: a fold a speaker, or so many folds of speakers."""


def draws(protocol: Protocol, splits: int | str, speakers: int) -> tuple[Draw, ...]:
    """The divisions to run of a corpus with so many speakers.

    Raises:
        ValueError: not such a value, or one that the protocol or the number of speakers rules out.
    """
    if isinstance(splits, int):
        return tuple(Draw(seed) for seed in split_seeds(protocol, splits))
    count = folds_of(protocol, splits)
    if count is not None and count > speakers:
        raise ValueError(
            f"splits={splits}: there are {speakers} speakers; splits={SPEAKERS} is a fold for each."
        )
    if speakers < 3:
        raise ValueError(
            f"splits={splits}: {speakers} speakers can't train, validate and test without sharing "
            "one; splits=1 divides them as far as it goes."
        )
    folds = speakers if count is None else count
    return tuple(Draw(fold, folds) for fold in range(folds))


def folds_of(protocol: Protocol, splits: int | str) -> int | None:
    """How many folds a text asks for; None for as many as there are speakers.

    Raises:
        ValueError: another text, or a protocol whose split is fixed.
    """
    number = str(splits).removeprefix(FOLDS)
    known = splits == SPEAKERS or (str(splits).startswith(FOLDS) and number.isdecimal())
    if not known or (splits != SPEAKERS and int(number) < 2):
        raise ValueError(
            f"splits={splits}: expected a number from 1 on, {SPEAKERS}, or {FOLDS}N (N from 2 on)."
        )
    if protocol.one_split:
        split_seeds(protocol, 2)  # says so
    return None if splits == SPEAKERS else int(number)


def check_splits(protocols: Sequence[Protocol], splits: int | str) -> None:
    """Check a value of splits= before any corpus is known.

    Raises:
        ValueError: as `draws`.
    """
    for protocol in protocols:
        if isinstance(splits, int):
            split_seeds(protocol, splits)
        else:
            folds_of(protocol, splits)
