"""Something like a voice."""

from __future__ import annotations

import numpy as np


def voiced(seconds: float, sample_rate: int, seed: int) -> np.ndarray:
    """Something like a voice: a gliding harmonic tone with pauses, float32 (samples,)."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    pitch = generator.uniform(80, 250) * (
        1 + 0.2 * np.sin(2 * np.pi * generator.uniform(1, 4) * time)
    )
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * generator.uniform(2, 5) * time)
    noise = generator.normal(0, 0.003, len(time))
    return (0.08 * tone * loudness + noise).astype(np.float32)
