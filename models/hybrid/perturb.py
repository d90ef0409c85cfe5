"""More voices and levels than the recordings have: speed and gain, before anything is measured.

Descriptors are taken of the perturbed clip, so that they stay true; a few hours of calm reading
reach the pitch and the level of acted emotion that way.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

STEP = 320
"""Lengths between which a clip is resampled are multiples of as many samples: fast transforms."""


class Perturb(nn.Module):
    """Play a clip faster or slower (pitch, formants and tempo change together), louder or softer.

    Resampled through the Fourier transform, each of `groups` parts of a batch by a speed of its
    own; cut to S / (highest speed) samples, rounded down to multiples of 320. Levels are drawn for
    each clip and held below full scale.

    Args:
        speed: lowest and highest, 1 is unchanged.
        gain: dB, largest change in either direction.
        groups: of a batch.

    Raises:
        ValueError: a speed that isn't positive or a range the wrong way round; no group.
    """

    def __init__(self, speed: Sequence[float] = (0.8, 1.4), gain: float = 10.0, groups: int = 8):
        super().__init__()
        self.low, self.high = speed
        if not 0 < self.low <= self.high:
            raise ValueError(f"module.perturb.speed={list(speed)}: expected 0 < lowest <= highest.")
        if groups < 1:
            raise ValueError(f"module.perturb.groups={groups}: expected at least 1.")
        self.gain, self.groups = gain, groups

    def samples(self, length: int) -> int:
        """What is left of a clip of `length` samples."""
        return int(length / self.high) // STEP * STEP

    @torch.no_grad()
    def forward(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B S2"]:
        samples_left = self.samples(waveform.shape[-1])
        speeds = self.low * (self.high / self.low) ** torch.rand(self.groups)  # even in semitones
        parts = [
            resampled(part, float(speed))[:, :samples_left]
            for part, speed in zip(waveform.tensor_split(self.groups), speeds, strict=True)
        ]
        played = torch.cat(parts)
        change = self.gain * (2 * torch.rand(len(played), 1, device=played.device) - 1)
        peak = played.abs().amax(-1, keepdim=True).clamp_min(1e-5)
        return played * (10 ** (change / 20)).minimum((1 / peak).clamp_min(1))


def resampled(waveform: Float[Tensor, "B S"], speed: float) -> Float[Tensor, "B S2"]:
    """As many samples as fit a clip played at `speed`, rounded up to a multiple of `STEP`."""
    length = waveform.shape[-1]
    new = -(-round(length / speed) // STEP) * STEP
    return torch.fft.irfft(torch.fft.rfft(waveform), new) * (new / length)
