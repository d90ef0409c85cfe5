"""openSMILE's hand-made features of an utterance; ComParE_2016's 6,373 are the paper's (section 3).

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
PAPER = ("ComParE_2016", "Functionals")


class OpenSmileExtractor(Extractor):
    """One of openSMILE's feature sets of the whole utterance.

    Args:
        feature_set: as openSMILE names it: ComParE_2016, eGeMAPSv02, GeMAPSv01b, emobase, IS09 ...
        feature_level: Functionals (one vector an utterance), or LowLevelDescriptors or
            LowLevelDescriptors_Deltas, frames whose mean and standard deviation are taken.
        sample_rate: Hz; the released evaluation resamples to 16,000.
        jobs: processes; -1 takes all processors.
        name: for tables; by default opensmile, with set and level unless the paper's.

    Raises:
        ValueError: openSMILE is missing; no such set or level, or a level that the set lacks.
    """

    def __init__(
        self,
        feature_set: str = PAPER[0],
        feature_level: str = PAPER[1],
        sample_rate: int = 16_000,
        jobs: int = -1,
        name: str | None = None,
    ):
        self.sample_rate = sample_rate
        self.features = (feature_set, feature_level)
        extra = [part for part, usual in zip(self.features, PAPER, strict=True) if part != usual]
        self.name = name or "_".join(["opensmile", *extra])
        self.jobs = jobs if jobs > 0 else len(os.sched_getaffinity(0))
        self.batch_size = 8 * self.jobs
        try:
            installed = version("opensmile")
        except PackageNotFoundError as error:
            raise ValueError(
                "extractor=opensmile needs openSMILE, which is for non-commercial use (audEERING "
                "Research License): pip install opensmile==2.6.0."
            ) from error
        _check(*self.features)
        level = "functionals" if feature_level == PAPER[1] else feature_level
        self.fingerprint = f"{feature_set} {level}, opensmile {installed}"

    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        # never in this process, which joblib takes for one job: it crashes beside TensorFlow
        jobs = max(2, self.jobs)
        work = (
            delayed(embed)(waveform, self.sample_rate, *self.features) for waveform in waveforms
        )
        return np.stack(Parallel(n_jobs=jobs)(work))


def embed(
    waveform: np.ndarray, sample_rate: int, feature_set: str, feature_level: str
) -> np.ndarray:
    """float32 (features,), or (2 x features,) of frames, of a waveform in [-1, 1]."""
    waveform = fit_length(waveform, max(len(waveform), round(SHORTEST * sample_rate)))
    smile = _smile(feature_set, feature_level)
    values = smile.process_signal(waveform, sample_rate).to_numpy(np.float32)
    if feature_level == PAPER[1]:
        return values[0]
    return np.concatenate([values.mean(axis=0), values.std(axis=0)])


def _check(feature_set: str, feature_level: str) -> None:
    """Whether openSMILE has them; its own enum takes values where it isn't given a member."""
    import opensmile

    for key, value, kind in (
        ("feature_set", feature_set, opensmile.FeatureSet),
        ("feature_level", feature_level, opensmile.FeatureLevel),
    ):
        if value not in kind.__members__:
            raise ValueError(
                f"extractor.{key}={value}: expected one of {', '.join(kind.__members__)}."
            )
    try:
        _smile(feature_set, feature_level)
    except ValueError as error:
        raise ValueError(
            f"extractor.feature_level={feature_level}: {feature_set} has no such level; use "
            "Functionals or LowLevelDescriptors."
        ) from error


@cache
def _smile(feature_set: str, feature_level: str) -> opensmile.Smile:
    import opensmile

    return opensmile.Smile(
        feature_set=opensmile.FeatureSet[feature_set],
        feature_level=opensmile.FeatureLevel[feature_level],
    )
