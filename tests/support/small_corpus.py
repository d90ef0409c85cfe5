"""A small prepared corpus of real audio whose emotions can be heard: pitch and loudness."""

import hashlib
from pathlib import Path

import numpy as np
import soundfile as sf

from serab.corpora import CORPORA
from serab.index import CorpusIndex, Stamp, Utterance, write_index

RATE = 16_000


def make_corpus(
    root: Path,
    code: str = "EMV",
    speakers: tuple[str, ...] = ("f1", "f2", "f3", "m1", "m2", "m3"),
    takes: int = 2,
    seconds: float = 0.5,
) -> CorpusIndex:
    """`takes` of every emotion by every speaker, written with their index below `root`."""
    random = np.random.default_rng(0)
    emotions = CORPORA[code].emotions
    utterances, stamps = [], []
    for s, speaker in enumerate(speakers):
        for e, emotion in enumerate(emotions):
            for take in range(takes):
                time = np.arange(round(seconds * RATE)) / RATE
                pitch = (100 + 15 * s) * (1 + 0.25 * e) * random.uniform(0.95, 1.05)
                tone = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8))
                waveform = 0.05 * (1 + e % 3) * tone + random.normal(0, 0.002, len(time))
                name = f"{speaker}-{emotion}-{take}"
                path = root / code / "audio" / f"{name}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                sf.write(path, waveform.astype(np.float32), RATE, "PCM_16")
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                scale = {"valence": 1 + e * 0.6, "arousal": 5 - e * 0.6} if code == "IEM" else {}
                utterances.append(
                    Utterance(name, path.name, speaker, speaker, emotion, seconds, digest, **scale)
                )
                stat = path.stat()
                stamps.append((name, Stamp(stat.st_size, stat.st_mtime_ns)))
    utterances.sort(key=lambda utterance: utterance.id)
    index = CorpusIndex(code, root / code / "audio", emotions, tuple(utterances))
    write_index(index, [stamp for _, stamp in sorted(stamps)], root / code, "made here", True)
    return index
