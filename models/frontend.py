"""Log-mel front end: waveform (B, S) -> log-mel (B, 1, F, T), in batches, on the device."""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

EPS = torch.finfo(torch.float32).eps

BACKENDS = ("torchaudio", "nnaudio")

FRAMES_AT_ONCE = 768
"""On a CPU: what lies between waveform and log-mel (8 KB a frame) then stays in its cache."""

BANDS_AT_ONCE = 16
"""Neighbouring mel bands touch few of the FFT's bins: four products have a quarter of the work."""

MAX_SAMPLE_RATE, MAX_FFT, MAX_MELS = 768_000, 2**15, 1024
"""Bounds of what a configuration or a file may ask for: the mel filters then have 67 MB."""


class LogMel(nn.Module):
    """`log(mel power spectrogram + eps)` as BYOL-A and BYOL-S compute it (HTK mels, no norm).

    BYOL-S was trained with a Hann window of 400 samples inside the 1024-point FFT, BYOL-A with one
    of 1024; the released evaluation uses 400 for both.

    Args:
        sample_rate: Hz.
        n_fft, win_length, hop_length: samples.
        n_mels: mel bands F between f_min and f_max (Hz).
        backend: "torchaudio", or "nnaudio" for the same values from its convolutions.

    Raises:
        ValueError: unknown backend, or numbers that make no log-mel.
    """

    def __init__(
        self,
        sample_rate: int = 16_000,
        n_fft: int = 1024,
        win_length: int = 400,
        hop_length: int = 160,
        n_mels: int = 64,
        f_min: float = 60.0,
        f_max: float = 7800.0,
        backend: str = "torchaudio",
    ):
        super().__init__()
        _check(sample_rate, n_fft, win_length, hop_length, n_mels, f_min, f_max)
        self.arguments: dict[str, Any] = {
            "sample_rate": sample_rate,
            "n_fft": n_fft,
            "win_length": win_length,
            "hop_length": hop_length,
            "n_mels": n_mels,
            "f_min": f_min,
            "f_max": f_max,
        }
        self.sample_rate, self.n_mels, self.hop_length = sample_rate, n_mels, hop_length
        self.n_fft = n_fft
        self.mel: nn.Module
        self.groups: list[tuple[slice, slice]] = []
        if backend == "torchaudio":
            self.mel = MelSpectrogram(**self.arguments, power=2.0)
            self.groups = _band_groups(self.get_buffer("mel.mel_scale.fb"))
        elif backend == "nnaudio":
            self.mel = _nnaudio_mel(**self.arguments)
        else:
            raise ValueError(f"frontend.backend={backend}: expected one of {', '.join(BACKENDS)}.")

    def frames(self, samples: int) -> int:
        """Number of log-mel frames T of a waveform of `samples` samples."""
        return samples // self.hop_length + 1

    def forward(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B 1 F T"]:
        """Waveform in [-1, 1] at `sample_rate` -> natural-log mel power, T = S // hop + 1.

        A waveform shorter than half an FFT window is padded with zeros on both ends first.
        """
        missing = self.n_fft // 2 + 1 - waveform.shape[-1]
        if missing > 0:
            waveform = nn.functional.pad(waveform, (missing // 2, missing - missing // 2))
        # half precision loses the quiet bands: the front end is always float32
        with torch.autocast(waveform.device.type, enabled=False):
            log_mel = (self.mel(waveform.float()) + EPS).log()
        return rearrange(log_mel, "b f t -> b 1 f t")

    def of_crops(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B 1 F T"]:
        """`forward` to rounding (1e-6), in half of the time on a CPU: what training takes.

        Evaluation keeps the last bit of `forward`: scores of ill-conditioned classifiers (QDA of
        512 dimensions from 344 utterances) hang on it.
        """
        if not self.groups or waveform.shape[-1] <= self.n_fft // 2:
            return self(waveform)
        count = len(waveform)
        if waveform.device.type == "cpu":
            count = max(1, FRAMES_AT_ONCE // self.frames(waveform.shape[-1]))
        with torch.autocast(waveform.device.type, enabled=False):
            parts = [self._mel_power(part) for part in waveform.float().split(count)]
            log_mel = (torch.cat(parts) + EPS).log()
        return rearrange(log_mel, "b f t -> b 1 f t")

    def _mel_power(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B F T"]:
        """As torchaudio's MelSpectrogram, without the roots that are squared, band by band."""
        spectrogram = self.mel.spectrogram
        assert isinstance(spectrogram, nn.Module)
        spectrum = torch.stft(
            waveform,
            self.n_fft,
            self.hop_length,
            self.arguments["win_length"],
            spectrogram.get_buffer("window"),
            return_complex=True,
        )
        frames = rearrange(spectrum, "b k t -> (b t) k")  # as they lie in memory
        power = frames.real.square().addcmul_(frames.imag, frames.imag)
        filters = self.get_buffer("mel.mel_scale.fb")
        bands = [power[:, bins] @ filters[bins, group] for bins, group in self.groups]
        return rearrange(torch.cat(bands, dim=1), "(b t) f -> b f t", b=len(waveform))


def _band_groups(filters: Float[Tensor, "K F"]) -> list[tuple[slice, slice]]:
    """Bins that neighbouring mel bands weight, and these bands."""
    groups = []
    for first in range(0, filters.shape[1], BANDS_AT_ONCE):
        group = slice(first, first + BANDS_AT_ONCE)
        used = torch.nonzero(filters[:, group].sum(dim=1)).flatten().tolist() or [0]
        groups.append((slice(used[0], used[-1] + 1), group))
    return groups


def _check(
    sample_rate: int,
    n_fft: int,
    win_length: int,
    hop_length: int,
    n_mels: int,
    f_min: float,
    f_max: float,
) -> None:
    counts = {
        "sample_rate": (sample_rate, MAX_SAMPLE_RATE),
        "n_fft": (n_fft, MAX_FFT),
        "hop_length": (hop_length, MAX_FFT),
        "n_mels": (n_mels, MAX_MELS),
    }
    for name, (number, largest) in counts.items():
        if not _is_count(number) or not 1 <= number <= largest:
            raise ValueError(
                f"frontend.{name}={number}: expected a whole number from 1 to {largest}."
            )
    if not _is_count(win_length) or not 1 <= win_length <= n_fft:
        raise ValueError(
            f"frontend.win_length={win_length} exceeds n_fft={n_fft} or is no length; "
            "a window has 1 to n_fft samples."
        )
    if not all(isinstance(f, int | float) for f in (f_min, f_max)) or not (
        0 <= f_min < f_max <= sample_rate / 2
    ):
        raise ValueError(
            f"frontend.f_min={f_min}, f_max={f_max}: expected Hz, f_min below f_max and both from "
            f"0 to {sample_rate / 2:g}, half of the sample rate."
        )


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _nnaudio_mel(
    *,
    sample_rate: int,
    n_fft: int,
    win_length: int,
    hop_length: int,
    n_mels: int,
    f_min: float,
    f_max: float,
) -> nn.Module:
    from nnAudio.features import MelSpectrogram as NnMelSpectrogram

    return NnMelSpectrogram(
        sr=sample_rate,
        n_fft=n_fft,
        win_length=win_length,
        hop_length=hop_length,
        n_mels=n_mels,
        fmin=f_min,
        fmax=f_max,
        power=2.0,
        htk=True,
        norm=None,
        center=True,
        pad_mode="reflect",
        trainable_mel=False,
        trainable_STFT=False,
        verbose=False,
    )
