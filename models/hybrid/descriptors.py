"""A clip in a vector: statistics of its contours over time, (B, S) -> (B, N)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.hybrid.contours import EVERYWHERE, VOICED_ONLY, Contours

STATISTICS = ("mean", "std", "p10", "p50", "p90", "change", "trend")
SHARES = (0.1, 0.5, 0.9)
MODULATIONS = ((1.0, 3.0), (3.0, 6.0), (6.0, 12.0), (12.0, 25.0))
"""Hz, bands of the level's modulation spectrum."""
RHYTHM = ("voiced_share", "voiced_onsets", *(f"modulation_{a:g}_{b:g}" for a, b in MODULATIONS))
NAMES = (*(f"{c}_{s}" for c in (*EVERYWHERE, *VOICED_ONLY) for s in STATISTICS), *RHYTHM)
"""Of the vector's entries."""


class Descriptors(nn.Module):
    """Mean, deviation, percentiles, mean change from frame to frame and trend (a second) of each
    contour, those of the voice over voiced frames alone; and the rhythm: share of voiced frames,
    voiced stretches a second, modulation of the level in dB.

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
    mean = (contours * mask).sum(-1) / count
    centred = (contours - mean[..., None]) * mask
    std = (centred.square().sum(-1) / count).sqrt()
    ordered = contours.masked_fill(~kept[:, None], torch.inf).sort(-1).values
    percentiles = [
        ordered.gather(-1, ((count - 1) * share).round().long().expand_as(mean)[..., None])[..., 0]
        for share in SHARES
    ]
    both = mask[..., 1:] * mask[..., :-1]
    change = (contours.diff(dim=-1).abs() * both).sum(-1) / both.sum(-1).clamp_min(1)
    seconds = torch.arange(contours.shape[-1], device=contours.device) / 100
    moments = (seconds - (seconds * mask).sum(-1, keepdim=True) / count[..., None]) * mask
    trend = (centred * moments).sum(-1) / moments.square().sum(-1).clamp_min(1e-2)
    every = torch.stack([mean, std, *percentiles, change, trend], -1)
    every = torch.where(mask.sum(-1)[..., None] > 1, every, torch.zeros(()).to(every))
    return every.flatten(1)


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
