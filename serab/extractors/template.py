"""Your own extractor: copy this file and conf/extractor/template.yaml, change what is marked.

As it stands it is a baseline of two numbers a frequency band: mean and deviation of the log power.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from datamodules.audio import fit_length
from serab.extractors.base import Extractor


class TemplateExtractor(Extractor):
    """Mean and standard deviation over time of a log power spectrum (HERE: what yours is).

    Args:
        bands: of equal width up to 8 kHz; the embedding is twice as wide.
        name: for tables and files.
    """

    def __init__(self, bands: int = 40, name: str = "template"):
        # HERE: load the model; import heavy packages in here, so that others needn't have them
        self.bands, self.name = bands, name
        self.sample_rate = 16_000
        # HERE: everything that changes an embedding: weights (serab.extractors.loading has
        # digest_weights and digest_files), layer, settings
        self.fingerprint = f"log power, version 1, {bands} bands"

    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        """HERE: float32 (samples,) of any length, in [-1, 1] -> float32 (D,)."""
        waveform = fit_length(waveform, max(len(waveform), 400))
        frames = np.lib.stride_tricks.sliding_window_view(waveform, 400)[::160]
        power = np.abs(np.fft.rfft(frames * np.hanning(400))[:, 1:]) ** 2
        bands = np.array_split(np.log(power + 1e-6), self.bands, axis=1)
        values = np.stack([band.mean(axis=1) for band in bands], axis=1)  # (frames, bands)
        return np.concatenate([values.mean(axis=0), values.std(axis=0)]).astype(np.float32)
