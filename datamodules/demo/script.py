"""What the demo speakers say and how: six languages, eighteen voices, five emotions, pure data.

It is a DEMO, not a benchmark: a formant synthesizer follows rules of thumb about emotional speech.
Its scores say that the code runs and that an encoder hears something, and nothing about people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datamodules.demo.sentences import SENTENCES

_VOICES = {
    "de": {"m1": "Male2", "m2": "Max", "f1": "Female1"},
    "el": {"m1": "Male3", "f1": "Female2", "f2": "Linda"},
    "en": {"m1": "Michael", "m2": "Jacky", "f1": "Female3"},
    "fa": {"m1": "Male5", "f1": "Female4", "f2": "Steph"},
    "fr": {"m1": "Male6", "m2": "Michel", "f1": "Female5"},
    "it": {"m1": "Male7", "f1": "Auntie", "f2": "Annie"},
}


@dataclass(frozen=True)
class Manner:
    """How something is said, beside a voice's own way.

    pitch and pitch_range multiply the voice's (1 = its own, 2 = the synthesizer's most), rate
    multiplies the words a minute, level is in dB.
    """

    pitch: float
    pitch_range: float
    rate: float
    level: float


# Directions after Banse & Scherer (1996) and Juslin & Laukka (2003); sizes are the demo's own.
_MANNERS = {
    "anger": Manner(pitch=1.40, pitch_range=1.6, rate=1.14, level=5.0),
    "fear": Manner(pitch=1.60, pitch_range=0.6, rate=1.20, level=-2.0),
    "happiness": Manner(pitch=1.45, pitch_range=1.8, rate=1.07, level=3.0),
    "neutral": Manner(pitch=1.00, pitch_range=1.0, rate=1.00, level=0.0),
    "sadness": Manner(pitch=0.75, pitch_range=0.4, rate=0.84, level=-5.0),
}
EMOTIONS = tuple(_MANNERS)

# Nobody is angry twice in the same way: standard deviations, cut at two of them, in log units
# (pitch, pitch_range, rate) and dB (level). They let neighbouring emotions overlap.
_SPREAD = (0.10, 0.25, 0.07, 1.5)

_WORDS_PER_MINUTE = 178.0
_LEVEL = -29.0  # dB below a full-scale square wave, over the whole utterance
_ROOM = -62.0  # noise of a quiet room in dB; without it pauses are digital zeros, unlike speech


@dataclass(frozen=True)
class Speaker:
    """A voice of the synthesizer in one language; manner is what sets it apart beside timbre."""

    id: str
    language: str
    voice: str
    manner: Manner
    room: float


@dataclass(frozen=True)
class DemoUtterance:
    """One planned recording.

    path is relative to the demo's folder (posix), pitch and pitch_range multiply the voice's own,
    words_per_minute is the rate, level and room are RMS in dB re full scale, seed is the room's.
    """

    path: str
    speaker: str
    emotion: str
    language: str
    text: str
    voice: str
    pitch: float
    pitch_range: float
    words_per_minute: float
    level: float
    room: float
    seed: int


def _seed(*key: object) -> int:
    """The same number for the same key, on every machine and in every order."""
    digest = hashlib.sha256("/".join(map(str, ("demo", *key))).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _speaker(language: str, name: str, voice: str) -> Speaker:
    generator = np.random.default_rng(_seed("speaker", language, name))
    pitch, rate, level, room = generator.uniform((0.90, 0.93, -2.5, -4.0), (1.12, 1.07, 2.5, 4.0))
    manner = Manner(pitch, 1.0, rate, level)
    return Speaker(f"{language}_{name}", language, voice, manner, _ROOM + room)


SPEAKERS = {
    speaker.id: speaker
    for language, voices in _VOICES.items()
    for name, voice in sorted(voices.items())
    for speaker in [_speaker(language, name, voice)]
}
"""Eighteen speakers, three a language, nine of each sex; no two share a voice."""


def _utterance(speaker: Speaker, emotion: str, number: int) -> DemoUtterance:
    seed = _seed("utterance", speaker.voice, speaker.id, emotion, number)
    draws = np.clip(np.random.default_rng(seed).standard_normal(4), -2, 2) * _SPREAD
    factors = np.exp(draws[:3])
    usual, manner = speaker.manner, _MANNERS[emotion]
    words_per_minute = _WORDS_PER_MINUTE * usual.rate * manner.rate * factors[2]
    return DemoUtterance(
        path=f"{speaker.language}/{speaker.id}/{speaker.id}_{emotion}_{number:02d}.wav",
        speaker=speaker.id,
        emotion=emotion,
        language=speaker.language,
        text=SENTENCES[speaker.language][number - 1],
        voice=speaker.voice,
        pitch=round(float(np.clip(usual.pitch * manner.pitch * factors[0], 0.5, 2.0)), 4),
        pitch_range=round(float(np.clip(manner.pitch_range * factors[1], 0.0, 2.0)), 4),
        words_per_minute=round(float(np.clip(words_per_minute, 120, 260))),
        level=round(float(_LEVEL + usual.level + manner.level + draws[3]), 2),
        room=round(speaker.room, 2),
        seed=seed,
    )


def demo_utterances(
    speakers: Iterable[str] | None = None, sentences: int | None = None
) -> tuple[DemoUtterance, ...]:
    """Plan the demo without making a sound.

    Args:
        speakers: some of SPEAKERS; None is all.
        sentences: only the first so many of each language; None is all seven.

    Returns:
        The utterances sorted by path: all emotions and sentences of every speaker.

    Raises:
        ValueError: an unknown speaker, or none, or a number of sentences that there isn't.
    """
    chosen = list(SPEAKERS) if speakers is None else sorted(set(speakers))
    if unknown := [name for name in chosen if name not in SPEAKERS]:
        raise ValueError(f"demo speaker {unknown[0]!r}: expected some of {', '.join(SPEAKERS)}.")
    most = min(map(len, SENTENCES.values()))
    count = most if sentences is None else sentences
    if not chosen or not 1 <= count <= most:
        raise ValueError(
            f"demo with {len(chosen)} speakers and {count} sentences:"
            f" expected at least one speaker and 1 to {most} sentences."
        )
    planned = (
        _utterance(SPEAKERS[name], emotion, number)
        for name in chosen
        for emotion in EMOTIONS
        for number in range(1, count + 1)
    )
    return tuple(sorted(planned, key=lambda utterance: utterance.path))
