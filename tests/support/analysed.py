"""A small corpus of real audio with sexes and sentences, and a quick extractor to analyse on it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from serab.extractors.base import Extractor
from serab.index import CorpusIndex
from tests.support.small_corpus import make_corpus


class Spectrum(Extractor):
    """Mean log energies of 24 bands of the whole utterance, less those of the training part."""

    name, sample_rate, fingerprint = "spectrum", 16_000, "a" * 64

    def __init__(self) -> None:
        self._mean: list[float] = []

    def fit(self, train_waveforms: Iterable[np.ndarray]) -> "Spectrum":
        self._mean = np.mean([self._bands(x) for x in train_waveforms], axis=0).tolist()
        return self

    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._bands(x) - self._mean for x in waveforms]).astype(np.float32)

    def state(self) -> dict:
        return {"mean": self._mean}

    def restore(self, state: dict) -> "Spectrum":
        self._mean = state["mean"]
        return self

    def _bands(self, waveform: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft(waveform, 8192)) ** 2
        return np.log([band.mean() + 1e-9 for band in np.array_split(power[:2048], 24)])


def with_people(index: CorpusIndex) -> CorpusIndex:
    """The corpus with sexes by the first letter of a speaker, and sentences by the take."""
    people = {"f": "female", "m": "male"}
    utterances = [
        replace(u, sex=people.get(u.speaker[0]), text=u.id.split("-")[-1]) for u in index.utterances
    ]
    return replace(index, utterances=tuple(utterances))


def analysed_corpus(root: Path, code: str = "EMV", **settings) -> CorpusIndex:
    return with_people(make_corpus(root, code, **settings))
