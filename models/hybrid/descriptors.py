"""A clip in a vector: statistics of its contours over time, (B, S) -> (B, N)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.hybrid.contours import EVERYWHERE, VOICED_ONLY, Contours

PERCENTILES = (1, 25, 50, 75, 99)
STATISTICS = (
    *("mean", "std", "skewness", "kurtosis", *(f"p{share}" for share in PERCENTILES)),
    *("high", "low", "trend", "bow", "unrest", "rise", "fall", "change"),
)
STEP = 3
"""Frames between the two whose difference is a change, 30 ms."""
TINY = 1e-6
MODULATIONS = ((1.0, 3.0), (3.0, 6.0), (6.0, 12.0), (12.0, 25.0))
"""Hz, bands of the level's modulation spectrum."""
RHYTHM = ("voiced_share", "voiced_onsets", *(f"modulation_{a:g}_{b:g}" for a, b in MODULATIONS))
NAMES = (*(f"{c}_{s}" for c in (*EVERYWHERE, *VOICED_ONLY) for s in STATISTICS), *RHYTHM)
"""Of the vector's entries."""


class Descriptors(nn.Module):
    """`STATISTICS` of each contour, those of the voice over voiced frames alone; and the rhythm:
    share of voiced frames, voiced stretches a second, modulation of the level in dB.

    `high` and `low` are shares of frames in the upper and lower quarter of the range; trend and bow
    are the coefficients of a parabola in seconds, `unrest` is what deviates from it; rise, fall and
    change are over 30 ms.

    A clip with under two voiced frames has zeros for the voice.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int = 16_000):
        super().__init__()
        self.contours = Contours(sample_rate)

    @torch.no_grad()
    def forward(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B N"]:
        """In the order of `NAMES`, in the contours' units."""
        everywhere, voiced_only, voiced = self.contours(waveform)
        whole = statistics(everywhere, torch.ones_like(voiced))
        voice = statistics(voiced_only, voiced)
        return torch.cat([whole, voice, rhythm(everywhere[:, 0], voiced)], -1)


def statistics(contours: Float[Tensor, "B C T"], kept: Bool[Tensor, "B T"]) -> Float[Tensor, "B N"]:
    """`STATISTICS` of each contour over the frames that are kept; 0 where these are under two."""
    mask = kept[:, None].to(contours.dtype)
    count = mask.sum(-1).clamp_min(1)
    mean = masked_mean(contours, mask)
    centred = (contours - mean[..., None]) * mask
    std = masked_mean(centred.square(), mask).sqrt()
    scaled = centred / std.clamp_min(TINY)[..., None]
    skewness, kurtosis = masked_mean(scaled**3, mask), masked_mean(scaled**4, mask)
    ordered = contours.masked_fill(~kept[:, None], torch.inf).sort(-1).values
    percentiles = [
        ordered.gather(-1, ((count - 1) * share / 100).round().long().expand_as(mean)[..., None])
        for share in PERCENTILES
    ]
    least, most = percentiles[0], percentiles[-1]
    high = masked_mean((contours > least + 0.75 * (most - least)).to(mask), mask)
    low = masked_mean((contours < least + 0.25 * (most - least)).to(mask), mask)
    shape = [mean, std, skewness, kurtosis, *(p[..., 0] for p in percentiles), high, low]
    every = torch.stack([*shape, *parabola(centred, mask), *movement(contours, mask)], -1)
    every = torch.where(mask.sum(-1)[..., None] > 1, every, torch.zeros(()).to(every))
    return every.flatten(1)


def masked_mean(values: Float[Tensor, "B C T"], mask: Float[Tensor, "B 1 T"]) -> Tensor:
    return (values * mask).sum(-1) / mask.sum(-1).clamp_min(1)


def parabola(centred: Float[Tensor, "B C T"], mask: Float[Tensor, "B 1 T"]) -> list[Tensor]:
    """Trend (a second), bow (a square second) and deviation from both, by least squares."""
    seconds = torch.arange(centred.shape[-1], device=centred.device) / 100
    linear = (seconds - masked_mean(seconds.expand_as(mask), mask)[..., None]) * mask
    power = linear.square().sum(-1, keepdim=True).clamp_min(1e-2)
    square = linear.square() - masked_mean(linear.square(), mask)[..., None]
    square = square - linear * ((square * linear).sum(-1, keepdim=True) / power)
    square = square * mask
    trend = (centred * linear).sum(-1, keepdim=True) / power
    bow = (centred * square).sum(-1, keepdim=True) / square.square().sum(-1, True).clamp_min(1e-4)
    rest = masked_mean((centred - trend * linear - bow * square).square(), mask).sqrt()
    return [trend[..., 0], bow[..., 0], rest]


def movement(contours: Float[Tensor, "B C T"], mask: Float[Tensor, "B 1 T"]) -> list[Tensor]:
    """Mean rise, mean fall and deviation of the change over `STEP` frames, both of them kept."""
    both = mask[..., STEP:] * mask[..., :-STEP]
    change = contours[..., STEP:] - contours[..., :-STEP]
    rise, fall = (masked_mean(part.clamp_min(0), both) for part in (change, -change))
    return [rise, fall, masked_mean((change - (rise - fall)[..., None]).square(), both).sqrt()]


def rhythm(level: Float[Tensor, "B T"], voiced: Bool[Tensor, "B T"]) -> Float[Tensor, "B N"]:
    """In the order of `RHYTHM`."""
    frames = level.shape[-1]
    onsets = (voiced[:, 1:] & ~voiced[:, :-1]).sum(-1) * 100 / frames
    envelope = level.clamp_min(level.amax(-1, keepdim=True) - 60)
    window = torch.hann_window(frames, device=level.device)
    spectrum = torch.fft.rfft((envelope - envelope.mean(-1, keepdim=True)) * window, 512)
    power = spectrum.abs().square() / frames
    hertz = torch.fft.rfftfreq(512, 0.01, device=level.device)
    bands = [power[:, (hertz >= a) & (hertz < b)].mean(-1) for a, b in MODULATIONS]
    modulation = 10 * torch.stack(bands, -1).clamp_min(1e-3).log10()
    return torch.cat([voiced.float().mean(-1)[:, None], onsets[:, None], modulation], -1)
