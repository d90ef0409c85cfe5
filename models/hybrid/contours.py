"""What a voice does in each frame: level, pitch, voicing, spectral shape; (B, S) -> (B, C, T).

Textbook definitions, in batches, on the waveform's device: pitch by the autocorrelation that is
divided by the window's (Boersma 1993), cepstra of mel bands, tilt by regression.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torchaudio.functional import create_dct, melscale_fbanks

FLOOR = 1e-10
"""Power of silence, -100 dB."""
VOICED = 0.5
"""Frames whose autocorrelation peak is higher are voiced ..."""
AUDIBLE = 30.0
"""... unless they lie as many dB below the clip's loudest."""
PITCH_RANGE = (60.0, 500.0)
"""Hz."""
OCTAVE_COST = 0.02
"""What a peak loses for each octave below the highest pitch, so that multiples don't win."""
CEPSTRA = 13
SPECTRAL = ("centroid", "spread", "slope", "flatness", "flux", "alpha_ratio", "hammarberg")
VOICED_ONLY = ("pitch", "harmonicity", "h1_h2")
EVERYWHERE = ("level", "voicing", *SPECTRAL, *(f"cepstrum_{i}" for i in range(1, CEPSTRA)))


class ContoursOutput(NamedTuple):
    """Named as `EVERYWHERE` and `VOICED_ONLY`; the latter mean nothing where not voiced."""

    everywhere: Float[Tensor, "B E T"]
    voiced_only: Float[Tensor, "B V T"]
    voiced: Bool[Tensor, "B T"]


class Contours(nn.Module):
    """Frames of 40 ms every 10 ms.

    Level in dB, pitch in semitones above 60 Hz, harmonicity and h1_h2 (first over second harmonic)
    in dB, centroid and spread in kHz, slope in dB an octave, alpha ratio (1-5 kHz over 50-1000 Hz)
    and Hammarberg index (strongest below 2 kHz over strongest of 2-5 kHz) in dB.

    Args:
        sample_rate: Hz.
    """

    window: Tensor
    window_correlation: Tensor
    frequencies: Tensor
    octaves: Tensor
    bands: Tensor
    dct: Tensor
    octave_cost: Tensor

    def __init__(self, sample_rate: int = 16_000):
        super().__init__()
        self.sample_rate, self.hop = sample_rate, sample_rate // 100
        length = 4 * self.hop
        self.n_fft = 2 ** (length + int(sample_rate / PITCH_RANGE[0])).bit_length()
        low, high = (int(sample_rate / hertz) for hertz in reversed(PITCH_RANGE))
        self.lags = slice(low, high + 1)
        window = torch.hann_window(length)
        correlation = torch.fft.irfft(torch.fft.rfft(window, self.n_fft).abs() ** 2)
        frequencies = torch.fft.rfftfreq(self.n_fft, 1 / sample_rate)
        bins = len(frequencies)
        octaves = torch.log2(frequencies.clamp_min(frequencies[1]))
        for name, value in {
            "window": window,
            "window_correlation": correlation / correlation[0],
            "frequencies": frequencies,
            "octaves": octaves,
            "bands": melscale_fbanks(bins, 60.0, sample_rate / 2, 40, sample_rate),
            "dct": create_dct(CEPSTRA, 40, "ortho"),
            "octave_cost": OCTAVE_COST
            * torch.log2(torch.arange(low, high + 1).float() * PITCH_RANGE[1] / sample_rate),
        }.items():
            self.register_buffer(name, value, persistent=False)

    @torch.no_grad()
    def forward(self, waveform: Float[Tensor, "B S"]) -> ContoursOutput:
        """Of a waveform of at least one frame; T = S // hop + 1."""
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                waveform.float(),
                self.n_fft,
                self.hop,
                len(self.window),
                self.window,
                pad_mode="constant",
                return_complex=True,
            )
            power = spectrum.real.square() + spectrum.imag.square()
            correlation = torch.fft.irfft(power.mT)
            energy = correlation[..., 0] / self.window.square().sum()
            level = decibels(energy)
            lag, voicing = self.pitch_peak(correlation)
            voiced = (voicing > VOICED) & (level > level.amax(-1, keepdim=True) - AUDIBLE)
            pitch = self.sample_rate / lag
            semitones = 12 * torch.log2(pitch / PITCH_RANGE[0])
            bounded = voicing.clamp(0.01, 0.999)
            harmonicity = decibels(bounded / (1 - bounded))
            h1_h2 = self.at(power, pitch) - self.at(power, 2 * pitch)
            shape = [level, voicing, *self.spectral_shape(power), *self.cepstra(power).unbind(1)]
        return ContoursOutput(
            torch.stack(shape, 1), torch.stack([semitones, harmonicity, h1_h2], 1), voiced
        )

    def pitch_peak(
        self, correlation: Float[Tensor, "B T N"]
    ) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """Lag in samples, between samples by a parabola, and height of the highest peak."""
        whole = correlation / correlation[..., :1].clamp_min(FLOOR) / self.window_correlation
        inside = whole[..., self.lags]
        before = whole[..., self.lags.start - 1 : self.lags.stop - 1]
        after = whole[..., self.lags.start + 1 : self.lags.stop + 1]
        is_peak = (inside >= before) & (inside > after)
        merit = torch.where(is_peak, inside - self.octave_cost, -1.0)
        best = merit.argmax(-1, keepdim=True)
        left, middle, right = (part.gather(-1, best)[..., 0] for part in (before, inside, after))
        bend = (left - 2 * middle + right).clamp_max(-FLOOR)
        shift = (0.5 * (left - right) / bend).clamp(-0.5, 0.5)
        found = is_peak.any(-1)
        height = torch.where(found, middle - 0.25 * (left - right) * shift, 0.0)
        return best[..., 0] + self.lags.start + shift, height.clamp(0, 1)

    def at(self, power: Float[Tensor, "B K T"], pitch: Float[Tensor, "B T"]) -> Tensor:
        """dB of the strongest of the three bins around a frequency."""
        peak_bins = (pitch / self.frequencies[1]).round().long().clamp(1, power.shape[1] - 2)
        around = torch.stack([peak_bins - 1, peak_bins, peak_bins + 1], 1)
        return decibels(power.gather(1, around).amax(1))

    def spectral_shape(self, power: Float[Tensor, "B K T"]) -> list[Tensor]:
        """In the order of `SPECTRAL`, each (B, T)."""
        hertz = self.frequencies
        share = power / power.sum(1, keepdim=True).clamp_min(FLOOR)
        kilohertz = hertz[:, None] / 1000
        centroid = (share * kilohertz).sum(1)
        spread = ((share * kilohertz**2).sum(1) - centroid**2).clamp_min(0).sqrt()
        mels = decibels(power.mT @ self.bands)
        centres = torch.linspace(-1, 1, mels.shape[-1], device=mels.device)
        slope = (mels * centres).mean(-1) / centres.square().mean()
        audible = power[:, (hertz > 50) & (hertz < 5000)].clamp_min(FLOOR)
        flatness = decibels(audible.log().mean(1).exp()) - decibels(audible.mean(1))
        flux = mels.diff(dim=1).abs().mean(-1)
        flux = nn.functional.pad(flux, (1, 0))
        lower, upper = (hertz > 50) & (hertz < 1000), (hertz >= 1000) & (hertz < 5000)
        alpha = decibels(power[:, upper].sum(1)) - decibels(power[:, lower].sum(1))
        below, above = hertz < 2000, (hertz >= 2000) & (hertz < 5000)
        hammarberg = decibels(power[:, below].amax(1)) - decibels(power[:, above].amax(1))
        return [centroid, spread, slope, flatness, flux, alpha, hammarberg]

    def cepstra(self, power: Float[Tensor, "B K T"]) -> Float[Tensor, "B C T"]:
        """Mel-cepstra without the first, which is the level."""
        return (decibels(power.mT @ self.bands) @ self.dct).mT[:, 1:]


def decibels(power: Tensor) -> Tensor:
    return 10 * power.clamp_min(FLOOR).log10()
