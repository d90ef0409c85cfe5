"""openSMILE's ComParE_2016 functionals: 6,373 hand-made features of an utterance (paper section 3).

The features come from the real library. It works on one core, so utterances are shared out over
processes. It is for research and non-commercial use (audEERING Research License), so the project
doesn't bring it along.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed

from datamodules.audio import fit_length
from serab.extractors.base import Extractor

if TYPE_CHECKING:
    import opensmile

SHORTEST = 0.1
"""Seconds; the longest analysis windows (0.06 s) with a step to spare. Shorter is padded."""


class OpenSmileExtractor(Extractor):
    """ComParE_2016 functionals of the whole utterance.

    Args:
        sample_rate: Hz; the released evaluation resamples to 16,000.
        jobs: processes; -1 takes all processors.
        name: for tables.

    Raises:
        ValueError: openSMILE is missing.
    """

    def __init__(self, sample_rate: int = 16_000, jobs: int = -1, name: str = "opensmile"):
        self.sample_rate, self.name = sample_rate, name
        self.jobs = jobs if jobs > 0 else len(os.sched_getaffinity(0))
        self.batch_size = 8 * self.jobs
        try:
            installed = version("opensmile")
        except PackageNotFoundError as error:
            raise ValueError(
                "extractor=opensmile needs openSMILE, which is for non-commercial use (audEERING "
                "Research License): pip install opensmile==2.6.0."
            ) from error
        self.fingerprint = f"ComParE_2016 functionals, opensmile {installed}"

    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        # never in this process, which joblib takes for one job: it crashes beside TensorFlow
        jobs = max(2, self.jobs)
        work = (delayed(functionals)(waveform, self.sample_rate) for waveform in waveforms)
        return np.stack(Parallel(n_jobs=jobs)(work))


def functionals(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """float32 (6373,) of a waveform in [-1, 1]."""
    waveform = fit_length(waveform, max(len(waveform), round(SHORTEST * sample_rate)))
    return _smile().process_signal(waveform, sample_rate).to_numpy(np.float32)[0]


@cache
def _smile() -> opensmile.Smile:
    import opensmile

    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.ComParE_2016,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
