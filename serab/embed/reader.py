"""What the extractor stage reads: the waveform at a position of a corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serab.embed.cache import Cache
from serab.embed.waveforms import cached_waveform
from serab.index import CorpusIndex


@dataclass(frozen=True)
class WaveformReader:
    """Called with a position in `index.utterances`: float32 (samples,) at `sample_rate` Hz.

    Raises:
        datamodules.audio.AudioError: a recording that can't be used.
    """

    index: CorpusIndex
    sample_rate: int
    cache: Cache

    def __call__(self, position: int) -> np.ndarray:
        utterance = self.index.utterances[position]
        path = self.index.audio(utterance)
        return cached_waveform(path, utterance.sha256, self.sample_rate, self.cache)
