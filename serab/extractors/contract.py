"""The contract of extractors as a check that runs on any of them.

from serab.extractors.contract import check_extractor
check_extractor(MyExtractor())
"""

from __future__ import annotations

import json

import numpy as np

from serab.extractors.base import Extractor, check_attributes

SECONDS = (0.01, 0.1, 0.4, 1.0, 2.3)
LONGEST = 300.0
"""Seconds: five minutes."""


def check_extractor(extractor: Extractor, longest: float | None = LONGEST) -> int:
    """Try an extractor on synthetic voices, silence and noise of many lengths.

    Args:
        extractor: fitted or not.
        longest: seconds of the longest utterance tried; None leaves the long one out.

    Returns:
        The width D of its embeddings.

    Raises:
        ValueError: what the extractor breaks: attributes, type, width, finiteness, dependence on
            order or batch-mates, determinism, or a state that can't be taken back.
    """
    check_attributes(extractor)
    rate = extractor.sample_rate
    waveforms = [voice(seconds, rate, seed) for seed, seconds in enumerate(SECONDS)]
    waveforms.append(np.zeros(rate, np.float32))
    waveforms.append(np.random.default_rng(9).uniform(-1, 1, rate).astype(np.float32))
    if extractor.needs_fit:
        extractor.fit(iter(waveforms))
        state = json.loads(json.dumps(extractor.state()))
    together = _transform(extractor, waveforms)
    width = together.shape[1]
    _same(extractor, together, _transform(extractor, waveforms), "twice the same utterances")
    backwards = _transform(extractor, waveforms[::-1])[::-1]
    _same(extractor, together, backwards, "the same utterances in another order")
    alone = np.concatenate([_transform(extractor, [waveform]) for waveform in waveforms])
    _same(extractor, together, alone, "utterances alone and with others")
    if extractor.needs_fit:
        extractor.fit(waveforms[:2])
        extractor.restore(state)
        _same(extractor, together, _transform(extractor, waveforms), "a state taken back")
    if np.allclose(together[2], together[3]):
        raise ValueError(f"{extractor.name}: two voices have the same embedding.")
    if longest is not None and _transform(extractor, [voice(longest, rate, 5)]).shape[1] != width:
        raise ValueError(f"{extractor.name}: {longest:g} s have another width than {width}.")
    return width


def voice(seconds: float, sample_rate: int, seed: int) -> np.ndarray:
    """A gliding harmonic tone with pauses and a little noise, float32 (samples,)."""
    generator = np.random.default_rng(seed)
    time = np.arange(max(1, round(seconds * sample_rate))) / sample_rate
    pitch = generator.uniform(90, 250) * (1 + 0.2 * np.sin(2 * np.pi * time))
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 9))
    loudness = np.clip(np.sin(2 * np.pi * generator.uniform(2, 4) * time), 0, 1)
    return (0.1 * tone * loudness + generator.normal(0, 0.003, len(time))).astype(np.float32)


def _transform(extractor: Extractor, waveforms: list[np.ndarray]) -> np.ndarray:
    lengths = ", ".join(f"{len(waveform) / extractor.sample_rate:g}" for waveform in waveforms)
    try:
        embeddings = extractor.transform(iter(waveforms))
    except Exception as error:  # of somebody's model, which may raise anything
        raise ValueError(
            f"{extractor.name}: transform of utterances of {lengths} s ended in "
            f"{type(error).__name__}: {error}; lengths from 0.01 s to 5 minutes come."
        ) from error
    if not isinstance(embeddings, np.ndarray) or embeddings.dtype != np.float32:
        kind = getattr(embeddings, "dtype", type(embeddings).__name__)
        raise ValueError(f"{extractor.name}: transform gave {kind}; expected a float32 array.")
    if embeddings.ndim != 2 or len(embeddings) != len(waveforms):
        raise ValueError(
            f"{extractor.name}: transform of {len(waveforms)} utterances of {lengths} s gave "
            f"{embeddings.shape}; expected ({len(waveforms)}, D)."
        )
    for waveform, embedding in zip(waveforms, embeddings, strict=True):
        if not np.isfinite(embedding).all():
            seconds = len(waveform) / extractor.sample_rate
            raise ValueError(
                f"{extractor.name}: the embedding of an utterance of {seconds:g} s isn't finite."
            )
    return embeddings


def _same(extractor: Extractor, first: np.ndarray, second: np.ndarray, what: str) -> None:
    tolerance = 1e-4 * max(float(np.abs(first).mean()), 1e-3)
    if first.shape != second.shape or not np.allclose(first, second, rtol=1e-4, atol=tolerance):
        raise ValueError(
            f"{extractor.name}: {what} give different embeddings; an embedding may depend on its "
            "utterance only."
        )
