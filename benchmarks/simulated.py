"""Nine corpora as large as SERAB's under their real file names, with sound cut from speech.

Utterances, classes, speakers and mean durations are those of the paper's Table 1; rates, channels
and the spread of durations are about those of the corpora. Each speaker is a voice of the speech
that is cut from, at a rate of speaking of its own; an emotion moves tempo and pitch, loudness and
spectral tilt a little, so that classifiers have something to find, and no score says anything.
"""

from __future__ import annotations

import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile

from datamodules.audio import read_audio, resample
from serab.corpora import CORPORA
from tests.support.corpus_trees import provider_paths, write_iemocap, write_tree
from tests.support.speech import voiced

RATE = 16_000
VOICES, VOICE_SECONDS = 40, 30.0


@dataclass(frozen=True)
class Recording:
    """How a corpus was recorded: Hz, channels, bits, and the log-normal spread of durations."""

    rate: int
    channels: int
    bits: int
    spread: float


RECORDED = {
    "AES": Recording(44_100, 1, 16, 0.3),
    "CAF": Recording(48_000, 1, 24, 0.2),
    "CRE": Recording(16_000, 1, 16, 0.2),
    "EMB": Recording(16_000, 1, 16, 0.35),
    "EMV": Recording(48_000, 2, 16, 0.4),
    "IEM": Recording(16_000, 1, 16, 0.6),
    "RAV": Recording(48_000, 1, 16, 0.1),
    "SAV": Recording(44_100, 1, 16, 0.25),
    "SHE": Recording(44_100, 1, 16, 0.6),
}


@cache
def read_voices(folder: Path | None) -> list[np.ndarray]:
    """Half a minute or so of each voice, float32 at 16 kHz; of folders below `folder`, or made."""
    if folder is None:
        return [voiced(VOICE_SECONDS, RATE, seed) for seed in range(VOICES)]
    voices = []
    speakers = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    for speaker in sorted(speakers)[:VOICES]:
        parts: list[np.ndarray] = []
        for path in sorted(p for p in speaker.rglob("*") if p.is_file()):
            if sum(map(len, parts)) > VOICE_SECONDS * RATE:
                break
            if path.suffix.lower() in (".wav", ".flac", ".mp3", ".ogg"):
                parts.append(resample(*read_audio(path), RATE))
        if parts:
            voices.append(np.concatenate(parts).astype(np.float32))
    if not voices:
        raise ValueError(f"{folder}: expected a folder for each speaker, with recordings in it.")
    return voices


def make_corpus(
    code: str, folder: Path, voices: list[np.ndarray], share: float = 1.0
) -> list[Path]:
    """Write a corpus as its provider has it; its recordings.

    Args:
        code: of the nine.
        folder: for the tree; its name is the seed.
        voices: see `read_voices`.
        share: of the utterances; the others aren't written.
    """
    if code == "IEM":
        write_iemocap(folder)
    else:
        write_tree(folder, provider_paths(code))
    paths, record = [], CORPORA[code]
    left_out = {item.id for item in record.left_out}
    for path in sorted(folder.rglob("*.wav")):
        name = record.parse(path.relative_to(folder).as_posix())
        if name is not None and zlib.crc32(name.id.encode()) % 10_000 < share * 10_000:
            paths += [path] if name.id not in left_out else []
        elif share < 1:
            path.unlink()
    parts = [paths[start::64] for start in range(64)]
    # a forked process has the voices, without a copy of its own
    with ProcessPoolExecutor(
        mp_context=get_context("fork"), initializer=_VOICES.extend, initargs=(voices,)
    ) as pool:
        list(pool.map(partial(_record, code, folder), parts))
    return paths


def make_repeated(
    code: str, times: int, folder: Path, voices: list[np.ndarray], share: float = 1.0
) -> Path:
    """A corpus with so many different recordings of each utterance, as the table of one's own."""
    record, rows = CORPORA[code], ["path,speaker,emotion"]
    for take in range(times):
        for path in make_corpus(code, folder / f"take{take}", voices, share):
            name = record.parse(path.relative_to(folder / f"take{take}").as_posix())
            assert name is not None
            rows.append(f"{path.relative_to(folder).as_posix()},{name.speaker},{name.emotion}")
    table = folder / "table.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


_VOICES: list[np.ndarray] = []


def _record(code: str, folder: Path, paths: list[Path]) -> None:
    """Write the sound of these utterances."""
    record, recorded = CORPORA[code], RECORDED[code]
    assert record.mean_seconds is not None
    for path in paths:
        name = record.parse(path.relative_to(folder).as_posix())
        assert name is not None
        random = np.random.default_rng(zlib.crc32(f"{folder.name} {name.id}".encode()))
        spread = random.lognormal(-(recorded.spread**2) / 2, recorded.spread)
        samples = int(np.clip(record.mean_seconds * spread, 0.6, 20.0) * recorded.rate)
        speaker = zlib.crc32(f"{code} {name.speaker}".encode())
        emotion = zlib.crc32((name.emotion or "in label files").encode()) % 8 / 8
        tempo = (0.85 + 0.3 * (speaker % 97) / 97) * (0.9 + 0.25 * emotion) * RATE / recorded.rate
        voice = _VOICES[speaker % len(_VOICES)]
        instants = random.integers(0, len(voice)) + tempo * np.arange(samples)
        sound = np.interp(instants % (len(voice) - 1), np.arange(len(voice)), voice)
        sound[1:] -= 0.6 * emotion * sound[:-1]  # brighter
        sound *= (0.3 + 0.5 * emotion) / max(1e-3, np.abs(sound).max())
        sound += random.normal(0, 2e-4, samples)
        channels = np.repeat(sound[:, None], recorded.channels, axis=1)
        soundfile.write(path, channels, recorded.rate, f"PCM_{recorded.bits}")
