"""How often a recording is found again in another form, and how often one that isn't there.

    python benchmarks/overlap.py --task EMB --others EMV     # both prepared

Every tenth utterance of the task is looked for in five forms; false alarms are utterances that
match another of their own corpus, one of the other corpus, or one played backwards.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf

sys.path.insert(0, str(Path(__file__).parents[1]))

from datamodules.audio import read_audio, resample
from datamodules.landmarks import RATE, find_peaks
from serab.analyses.landmarks import Collection, Landmarks, landmarks
from serab.index import load_index


def coded(waveform: np.ndarray, rate: int, **settings: str | float) -> np.ndarray:
    file = io.BytesIO()
    sf.write(file, waveform, rate, **settings)
    file.seek(0)
    return sf.read(file, dtype="float32")[0]


FORMS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "MP3, LAME's default": lambda w, r: coded(w, r, format="MP3", subtype="MPEG_LAYER_III"),
    "MP3, 8 kbit/s": lambda w, r: coded(
        w,
        r,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.99,
    ),
    "Ogg Vorbis": lambda w, r: coded(w, r, format="OGG", subtype="VORBIS"),
    "Opus, 6 kbit/s": lambda w, r: coded(w, r, format="OGG", subtype="OPUS", compression_level=1.0),
    "0.3 s cut off either end, -8 dB": lambda w, r: 0.4 * w[4_837:-4_801],
    "the middle second": lambda w, r: w[len(w) // 2 - r // 2 : len(w) // 2 + r // 2],
}


def heard(waveform: np.ndarray, rate: int) -> Landmarks:
    narrow = resample(np.ascontiguousarray(waveform, dtype=np.float32), rate, RATE)
    return landmarks(find_peaks(narrow))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="EMB")
    parser.add_argument("--others", default="EMV")
    options = parser.parse_args()
    index, others = load_index(options.task), load_index(options.others)
    recordings = [read_audio(index.audio(u)) for u in index.utterances]
    prints = [heard(*recording) for recording in recordings]
    collection = Collection(prints)
    for name, form in FORMS.items():
        asked = range(0, len(recordings), 10)
        found = [
            any(
                m.position == i
                for m in collection.matches(heard(form(*recordings[i]), recordings[i][1]))
            )
            for i in asked
        ]
        print(f"{name}: {sum(found)} of {len(found)} found")
    own = sum(any(m.position != i for m in collection.matches(p)) for i, p in enumerate(prints))
    print(f"false alarms: {own} of {len(prints)} match another utterance of {index.code}")
    strangers = [heard(*read_audio(others.audio(u))) for u in others.utterances]
    wrong = sum(bool(collection.matches(p)) for p in strangers)
    print(f"false alarms: {wrong} of {len(strangers)} utterances of {others.code} match one")
    backwards = Collection([heard(w[::-1], r) for w, r in recordings])
    wrong = sum(bool(backwards.matches(p)) for p in prints)
    print(f"false alarms: {wrong} of {len(prints)} match one played backwards")


if __name__ == "__main__":
    main()
