"""Learning rate and moving average over a run: functions of the step alone, so resume is exact."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

DECAYS = ("none", "cosine")


@dataclass(frozen=True)
class Schedule:
    """What changes during a run; by default nothing does, as in the paper.

    Args:
        warmup: share of all steps in which the learning rate rises linearly from 0.
        decay: of the learning rate after it, "none" or "cosine" (to 0 at the end).
        tau_end: the target's EMA coefficient at the end, reached along a cosine (BYOL, section 3.3,
            where it is 1), or None to keep the first.

    Raises:
        ValueError: a share outside [0, 1), an unknown decay, or a coefficient outside [0, 1].
    """

    warmup: float = 0.0
    decay: str = "none"
    tau_end: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise ValueError(
                f"schedule.warmup={self.warmup}: expected a share of all steps, from 0 to below 1."
            )
        if self.decay not in DECAYS:
            raise ValueError(f"schedule.decay={self.decay}: expected one of {', '.join(DECAYS)}.")
        if self.tau_end is not None and not 0 <= self.tau_end <= 1:
            raise ValueError(f"schedule.tau_end={self.tau_end}: expected a number from 0 to 1.")

    @property
    def constant(self) -> bool:
        """Whether the learning rate stays as it is."""
        return self.warmup == 0 and self.decay == "none"

    def lr_factor(self, step: int, steps: int) -> float:
        """What the learning rate is multiplied with at `step` (from 0) of `steps`."""
        rising = self.warmup * steps
        if step < rising:
            return (step + 1) / (rising + 1)
        if self.decay == "none":
            return 1.0
        return _cosine(1.0, 0.0, (step - rising) / max(1.0, steps - rising))

    def tau(self, tau: float, step: int, steps: int) -> float:
        """EMA coefficient at `step` (from 0) of `steps`, from `tau` on."""
        return tau if self.tau_end is None else _cosine(tau, self.tau_end, step / max(1, steps))


def _cosine(start: float, end: float, share: float) -> float:
    """From `start` (share 0) to `end` (share 1 and beyond) along half a cosine."""
    return end + (start - end) * (1 + cos(pi * min(1.0, share))) / 2
