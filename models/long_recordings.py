"""Long recordings in bounded memory: piece by piece in time, each with the frames around it.

Every frame and step sees what it would see in one piece, so log-mels and steps are the same up to
the order in which a library adds (1e-6); so is the mean over time, which adds by pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from models.frontend import LogMel

PIECE = 8192
"""Frames; longer recordings go piece by piece. 82 s, of which a convolution's output is 134 MB."""


@runtime_checkable
class Stepwise(Protocol):
    """An encoder that pools steps over time, each of a few frames and those next to them."""

    step_frames: int

    def steps(
        self, log_mel: Tensor, frames: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]: ...


def log_mel_pieces(frontend: LogMel, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B 1 F T"]:
    """`frontend(waveform)` of a recording of any length."""
    hop, total = frontend.hop_length, frontend.frames(waveform.shape[-1])
    margin = frontend.n_fft // (2 * hop) + 2  # frames whose window reaches over a piece's edge
    pieces = []
    for begin, end in _ranges(total, _piece(len(waveform))):
        first, last = max(0, begin - margin), min(total, end + margin)
        stop = waveform.shape[-1] if last == total else (last - 1) * hop
        piece = frontend(waveform[:, first * hop : stop])
        pieces.append(piece[..., begin - first : end - first])
    return torch.cat(pieces, dim=-1)


def embed_pieces(encoder: Stepwise, log_mel: Float[Tensor, "B 1 F T"]) -> Float[Tensor, "B D"]:
    """Maximum plus mean over all steps of a log-mel of any length, as `mean_max_over_time`."""
    size = encoder.step_frames
    total = log_mel.shape[-1] // size
    largest, added = None, None
    for begin, end in _ranges(total, _piece(len(log_mel)) // size):
        first, last = max(0, begin - 1), min(total, end + 1)  # a step more sees what they need
        stop = log_mel.shape[-1] if last == total else last * size
        steps, _ = encoder.steps(log_mel[..., first * size : stop])
        steps = steps[:, begin - first : end - first]
        top, part = steps.amax(dim=1), steps.sum(dim=1, dtype=torch.float64)
        largest = top if largest is None else torch.maximum(largest, top)
        added = part if added is None else added + part
    assert largest is not None
    assert added is not None
    return largest + (added / total).to(largest.dtype)


def _piece(batch: int) -> int:
    return max(1024, PIECE // batch)


def _ranges(total: int, size: int) -> Iterator[tuple[int, int]]:
    for begin in range(0, total, size):
        yield begin, min(total, begin + size)
