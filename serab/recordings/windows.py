"""Rows over time: windows of one length at regular steps, which leave no sample out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Windows:
    """Windows of `seconds`, one every `hop` seconds.

    The last one ends with the recording and may be shorter; a recording shorter than a window is
    one row.

    Raises:
        ValueError: a length or hop that isn't above 0, or a hop that would leave samples out.
    """

    seconds: float
    hop: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf"):
            raise ValueError(f"--segments {self.seconds:g}: expected seconds above 0.")
        if not 0 < self.hop <= self.seconds:
            raise ValueError(
                f"--hop {self.hop:g}: expected seconds above 0 and up to those of --segments "
                f"({self.seconds:g}), as a longer one leaves speech out."
            )

    def cut(self, samples: int, sample_rate: int) -> list[tuple[int, int]]:
        """(start, end) of each window of a recording, in samples."""
        length = max(1, round(self.seconds * sample_rate))
        hop = max(1, round(self.hop * sample_rate))
        count = 1 + max(0, -(-(samples - length) // hop))
        return [(k * hop, min(k * hop + length, samples)) for k in range(count)]
