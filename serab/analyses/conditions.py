"""What may happen to a recording: noise, channels, codecs, rooms; each the same at every call.

Randomness is keyed by the condition and the recording's content, so neither order nor threads
change a sample. Waveforms are float32 (samples,) at the extractor's rate.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import soundfile as sf
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

VERSION = 1
"""Goes into cache keys: a change of what a condition does is a change of embeddings."""
TELEPHONE_RATE = 8_000
BABBLE_VOICES = 5
SNRS = (20, 10, 5, 0)


@dataclass(frozen=True)
class Source:
    """What a condition may use beside the waveform.

    Attributes:
        rate: of the waveform, Hz.
        random: keyed by condition and recording.
        others: gives waveforms of training utterances, as many as asked for.
    """

    rate: int
    random: np.random.Generator
    others: Callable[[int], Sequence[np.ndarray]]


@dataclass(frozen=True)
class Condition:
    """A kind and its strength, for people and for keys, and what it does to a waveform."""

    kind: str
    strength: str
    apply: Callable[[np.ndarray, Source], np.ndarray]
    uses_training: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind} {self.strength}".strip()


def key(condition: Condition, sha256: str, training: str) -> str:
    """A SHA-256 (hex) of a recording under a condition, in place of the recording's own.

    Args:
        sha256: of the recording.
        training: a digest of the training part, for conditions that take of it.
    """
    parts = [condition.name, f"v{VERSION}", sha256, sf.__libsndfile_version__]
    if condition.kind == "room":
        parts.append(version("pyroomacoustics"))
    if condition.uses_training:
        parts.append(training)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def keyed_random(text: str) -> np.random.Generator:
    """Random numbers that depend on the text alone."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def add_noise(waveform: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """The sum at a ratio of mean powers over the whole utterance, in dB; silence stays silence."""
    power, noise_power = (float(np.mean(x.astype(np.float64) ** 2)) for x in (waveform, noise))
    gain = np.sqrt(power / noise_power / 10 ** (snr / 10)) if noise_power > 0 else 0.0
    return (waveform + gain * noise).astype(np.float32)


def white(snr: float) -> Condition:
    def apply(waveform: np.ndarray, source: Source) -> np.ndarray:
        return add_noise(waveform, source.random.standard_normal(len(waveform)), snr)

    return Condition("white noise", f"{snr} dB", apply)


def babble(snr: float) -> Condition:
    """Training utterances of equal power at once, each from a random place, round and round."""

    def apply(waveform: np.ndarray, source: Source) -> np.ndarray:
        total = np.zeros(len(waveform))
        for voice in source.others(BABBLE_VOICES):
            power = float(np.mean(voice.astype(np.float64) ** 2))
            start = int(source.random.integers(len(voice)))
            if power > 0:
                total += np.resize(np.roll(voice, -start), len(waveform)) / np.sqrt(power)
        return add_noise(waveform, total, snr)

    return Condition("babble", f"{snr} dB", apply, uses_training=True)


def telephone(waveform: np.ndarray, rate: int) -> np.ndarray:
    """300 to 3,400 Hz at 8 kHz."""
    narrow = resample_poly(waveform.astype(np.float64), TELEPHONE_RATE, rate)
    band = butter(4, (300, 3_400), "bandpass", fs=TELEPHONE_RATE, output="sos")
    return sosfilt(band, narrow)


def widened(narrow: np.ndarray, rate: int) -> np.ndarray:
    """From 8 kHz to the extractor's rate."""
    return resample_poly(narrow, rate, TELEPHONE_RATE).astype(np.float32)


def coded(waveform: np.ndarray, rate: int, **settings: str | float) -> np.ndarray:
    """Through one of libsndfile's codecs and back, delay and padding of the codec included."""
    file = io.BytesIO()
    sf.write(file, np.clip(waveform, -1, 1), rate, **settings)
    file.seek(0)
    return sf.read(file, dtype="float32")[0]


def _through_telephone(waveform: np.ndarray, source: Source) -> np.ndarray:
    return widened(telephone(waveform, source.rate), source.rate)


def _by_telephone_codec(subtype: str) -> Callable[[np.ndarray, Source], np.ndarray]:
    def apply(waveform: np.ndarray, source: Source) -> np.ndarray:
        narrow = telephone(waveform, source.rate)
        decoded = coded(narrow, TELEPHONE_RATE, format="WAV", subtype=subtype)
        return widened(decoded[: len(narrow)], source.rate)

    return apply


def _mp3(waveform: np.ndarray, source: Source) -> np.ndarray:
    # 8 kbit/s, the lowest that LAME has for 16 kHz
    return coded(waveform, source.rate, format="MP3", subtype="MPEG_LAYER_III",
                 bitrate_mode="CONSTANT", compression_level=0.99)  # fmt: skip


def _opus(waveform: np.ndarray, source: Source) -> np.ndarray:
    # 6 kbit/s, the lowest there is
    return coded(waveform, source.rate, format="OGG", subtype="OPUS", compression_level=1.0)


def clipping(share: float) -> Condition:
    """The loudest samples cut off at the level that so many of them reach."""

    def apply(waveform: np.ndarray, source: Source) -> np.ndarray:
        level = float(np.quantile(np.abs(waveform), 1 - share))
        return np.clip(waveform, -level, level)

    return Condition("clipping", f"{100 * share:g} % of samples", apply)


def gain(decibels: float) -> Condition:
    factor = np.float32(10 ** (decibels / 20))
    return Condition("gain", f"{decibels:+g} dB", lambda waveform, source: waveform * factor)


def speed(percent: int) -> Condition:
    """Faster or slower as a tape is: pitch changes with it."""

    def apply(waveform: np.ndarray, source: Source) -> np.ndarray:
        return resample_poly(waveform.astype(np.float64), 100, 100 + percent).astype(np.float32)

    return Condition("speed", f"{percent:+d} %", apply)


@lru_cache(maxsize=8)
def room_response(seconds: float, size: tuple[float, float, float], rate: int) -> np.ndarray:
    """Impulse response of a shoebox room by image sources, (taps,), its direct sound first.

    Args:
        seconds: reverberation time (RT60), by Sabine's formula.
        size: of the room, metres.
        rate: Hz.
    """
    import pyroomacoustics

    absorption, order = pyroomacoustics.inverse_sabine(seconds, size)
    room = pyroomacoustics.ShoeBox(
        size, fs=rate, materials=pyroomacoustics.Material(absorption), max_order=order
    )
    room.add_source([0.3 * size[0], 0.6 * size[1], 1.5])
    room.add_microphone([0.7 * size[0], 0.3 * size[1], 1.2])
    room.compute_rir()
    response = room.rir[0][0]
    return response[int(np.abs(response).argmax()) :]


def reverberation(seconds: float, size: tuple[float, float, float]) -> Condition:
    def apply(waveform: np.ndarray, source: Source) -> np.ndarray:
        response = room_response(seconds, size, source.rate)
        wet = fftconvolve(waveform.astype(np.float64), response)[: len(waveform)]
        loudness = np.sqrt(np.mean(waveform.astype(np.float64) ** 2) / max(np.mean(wet**2), 1e-20))
        return (loudness * wet).astype(np.float32)

    return Condition("room", f"RT60 {seconds} s", apply)


CONDITIONS: tuple[Condition, ...] = (
    *(white(snr) for snr in SNRS),
    *(babble(snr) for snr in SNRS),
    Condition("telephone", "band", _through_telephone),
    Condition("telephone", "band, µ-law", _by_telephone_codec("ULAW")),
    Condition("telephone", "band, GSM", _by_telephone_codec("GSM610")),
    Condition("MP3", "8 kbit/s", _mp3),
    Condition("Opus", "6 kbit/s", _opus),
    clipping(0.01),
    clipping(0.1),
    gain(-20),
    gain(+20),
    reverberation(0.3, (5.0, 4.0, 2.7)),
    reverberation(0.8, (9.0, 7.0, 3.5)),
    speed(-10),
    speed(+10),
)


def check_rooms() -> None:
    """Raise ValueError where the library that simulates rooms isn't installed."""
    try:
        version("pyroomacoustics")
    except PackageNotFoundError as error:
        raise ValueError(
            "analyses=[noise]: rooms are simulated by pyroomacoustics, which isn't installed; run "
            "`pip install 'serab-byols[analyses]'` or `pip install pyroomacoustics==0.10.1`."
        ) from error
