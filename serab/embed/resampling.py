"""The resampler of the published scores, resampy 0.2's `kaiser_best`, as matrix products.

The filter is a table of a windowed sinc, read with linear interpolation at steps that are cut to
whole entries. Where two rates are in a small ratio, the weights repeat: a recording is then cut
into frames and multiplied by one matrix, tens of times faster than sample by sample. Values equal
resampy's to the rounding of float32 sums.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
import torch

ZEROS, STEPS = 64, 512
"""Zero crossings of the sinc on one side, and table entries between two of them."""
ROLLOFF, BETA = 0.9475937167399596, 14.769656459379492

MOST_PHASES = 2048
"""Above, the matrix would be larger than it is worth (a 44,101-Hz recording): weights as needed."""


def kaiser_best(waveform: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Resample float32 (samples,) from `rate` to `target` Hz: int(samples * target / rate) samples.

    resampy has changed the filter since 0.2, and other resamplers move a cell of Table 3 by one to
    eighteen utterances.

    Raises:
        ValueError: a waveform too short for a single sample at `target`.
    """
    length = int(len(waveform) * float(target) / float(rate))
    if length < 1:
        raise ValueError(
            f"{len(waveform)} samples at {rate} Hz are less than one at {target} Hz; expected a "
            "longer recording."
        )
    phases, advance = target // gcd(rate, target), rate // gcd(rate, target)
    time = np.arange(length) * (1.0 / (float(target) / rate))  # rounded as resampy does
    if phases > MOST_PHASES:
        return _by_sample(waveform, time, rate, target)
    matrix, phases, advance = _matrix(rate, target, phases, advance)
    frames = -(-length // phases)
    padded = _padded(waveform, frames * advance + len(matrix), rate, target)
    cut = torch.from_numpy(padded).unfold(0, len(matrix), advance)[:frames]
    resampled = (cut @ matrix).reshape(-1).numpy()[:length]
    # a whole instant may be rounded to just before it, and the cut steps make that another weight
    whole = np.arange(length) * advance // phases
    early = np.flatnonzero(time.astype(np.int64) < whole)
    if len(early):
        resampled[early] = _by_sample(waveform, time[early], rate, target)
    return resampled


@lru_cache(maxsize=8)
def _matrix(rate: int, target: int, phases: int, advance: int) -> tuple[torch.Tensor, int, int]:
    """Weights (input samples of a frame, output samples), and how many of each a frame has."""
    taps = 2 * _wing(rate, target)
    repeats = -(-taps // advance)  # frames long enough that little of the matrix is zeros
    phases, advance = phases * repeats, advance * repeats
    instants = np.arange(phases) * advance
    weights = _weights(instants % phases / phases, rate, target)
    matrix = np.zeros((advance + taps, phases), np.float32)
    for phase, start in enumerate(instants // phases):
        matrix[start : start + taps, phase] = weights[phase]
    return torch.from_numpy(matrix), phases, advance


def _by_sample(waveform: np.ndarray, time: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Values at instants `time`, in input samples, each with weights of its own."""
    taps = 2 * _wing(rate, target)
    padded = _padded(waveform, len(waveform) + taps, rate, target)
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    out = np.empty(len(time), np.float32)
    for start in range(0, len(time), 4096):
        part = time[start : start + 4096]
        weights = _weights(part - part.astype(np.int64), rate, target)
        out[start : start + 4096] = np.einsum(
            "ij,ij->i", windows[part.astype(np.int64)], weights.astype(np.float32)
        )
    return out


def _padded(waveform: np.ndarray, length: int, rate: int, target: int) -> np.ndarray:
    """Zeros for the left wing, the waveform, zeros up to `length` or for the right wing."""
    wing = _wing(rate, target)
    padded = np.zeros(max(length, len(waveform) + 2 * wing), np.float32)
    padded[wing - 1 : wing - 1 + len(waveform)] = waveform
    return padded


def _weights(fractions: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Weights (len(fractions), taps) for instants that far behind an input sample."""
    table, slope, scale, step = _table(rate, target)
    wing = _wing(rate, target)
    left = _side(scale * fractions, table, slope, step, wing)  # backwards from the sample
    right = _side(scale - scale * fractions, table, slope, step, wing)
    return np.concatenate([left[:, ::-1], right], axis=1)


def _side(
    fractions: np.ndarray, table: np.ndarray, slope: np.ndarray, step: int, wing: int
) -> np.ndarray:
    index = fractions * STEPS
    offset = index.astype(np.int64)
    position = offset[:, None] + step * np.arange(wing)
    # the table's reach in whole steps; beyond it there is no weight
    reached = np.arange(wing) < ((len(table) - offset) // step)[:, None]
    position = np.where(reached, position, 0)
    weights = table[position] + (index - offset)[:, None] * slope[position]
    return np.where(reached, weights, 0.0)


def _wing(rate: int, target: int) -> int:
    """Input samples on either side that have a weight."""
    *_, step = _table(rate, target)
    return (ZEROS * STEPS + 1) // step


@lru_cache(maxsize=8)
def _table(rate: int, target: int) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Half of the filter, its differences, the ratio of the rates up to 1, entries per sample."""
    from scipy.signal.windows import kaiser  # what is cached already should not wait for it

    entries = ZEROS * STEPS
    sinc = ROLLOFF * np.sinc(ROLLOFF * np.linspace(0, ZEROS, entries + 1))
    table = sinc * kaiser(2 * entries + 1, BETA)[entries:]
    ratio = float(target) / rate
    if ratio < 1:
        table = ratio * table
    scale = min(1.0, ratio)
    return table, np.diff(table, append=table[-1]), scale, int(scale * STEPS)
