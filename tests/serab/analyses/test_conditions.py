"""What is done to recordings: the strengths that are promised, the same at every call."""

import numpy as np
import pytest

from serab.analyses.conditions import CONDITIONS, Source, add_noise, key, keyed_random
from tests.support.speech import voiced


def changed(condition, waveform: np.ndarray) -> np.ndarray:
    def others(count: int) -> list[np.ndarray]:
        return [voiced(1.0, 16_000, 50 + i) for i in range(count)]

    return condition.apply(waveform, Source(16_000, keyed_random(condition.name), others))


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_condition(condition):
    if condition.kind == "room":
        pytest.importorskip("pyroomacoustics")
    waveform = voiced(1.0, 16_000, 1).astype(np.float32)
    kept = waveform.copy()
    first, second = changed(condition, waveform), changed(condition, waveform)
    assert np.array_equal(first, second)
    assert np.array_equal(waveform, kept)
    assert np.isfinite(first).all()
    assert not np.array_equal(first[: len(waveform)], waveform[: len(first)])
    rate = {"speed -10 %": 1 / 0.9, "speed +10 %": 1 / 1.1}.get(condition.name, 1)
    assert len(first) == pytest.approx(rate * len(waveform), abs=2_000)  # MP3 has its delay


@pytest.mark.parametrize("snr", [20, 0])
def test_noise_has_the_ratio_that_it_promises(snr):
    waveform = voiced(1.0, 16_000, 1)
    noise = add_noise(waveform, np.random.default_rng(0).standard_normal(16_000), snr) - waveform
    ratio = 10 * np.log10(np.mean(waveform**2) / np.mean(noise**2))
    assert ratio == pytest.approx(snr, abs=0.01)


def test_keys_tell_conditions_and_babble_its_training_part():
    keys = {key(condition, "a" * 64, "b" * 64) for condition in CONDITIONS}
    assert len(keys) == len(CONDITIONS)
    babble = next(c for c in CONDITIONS if c.uses_training)
    white = next(c for c in CONDITIONS if c.kind == "white noise")
    assert key(babble, "a", "b") != key(babble, "a", "c")
    assert key(white, "a", "b") == key(white, "a", "c") != key(white, "d", "b")
