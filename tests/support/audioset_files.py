"""AudioSet as it comes: its ontology, a list of segments, and recordings under names in use."""

import json
from pathlib import Path

import soundfile as sf

from datamodules.manifest.audioset import MUSIC, SPEECH, SYNTHETIC
from tests.support.speech import voiced

CHILD, CONVERSATION, DOG, GUITAR = "/m/0ytgt", "/m/01h8n0", "/m/0bt9lr", "/m/0342h"
HEADER = """# Segments csv created Sun Mar  5 10:54:31 2017
# num_ytids=20371, num_segs=20371, num_unique_labels=527, num_positive_labels=51804
# YTID, start_seconds, end_seconds, positive_labels
"""
ROWS = f"""--PJHxphWEs, 30.000, 40.000, "{SPEECH},{DOG}"
-0RWZT-miFs, 420.000, 430.000, "{CHILD}"
Yabcdefghi_, 0.000, 10.000, "{CONVERSATION}"
0123456_89a, 30.000, 40.000, "{SPEECH},{GUITAR}"
0123456_89a, 70.000, 80.000, "{SPEECH}"
dogdogdogdo, 0.000, 10.000, "{DOG}"
robotrobot0, 5.500, 15.500, "{SYNTHETIC}"
millisecond, 30.000, 40.000, "{SPEECH}"
absentabsen, 1.000, 11.000, "{SPEECH}"
--PJHxphWEs, 30.000, 40.000, "{SPEECH},{DOG}"
"""


def write_ontology(path: Path) -> Path:
    def entry(label: str, name: str, *children: str) -> dict:
        return {
            "id": label, "name": name, "description": "", "citation_uri": "",
            "positive_examples": [], "child_ids": list(children), "restrictions": [],
        }  # fmt: skip

    entries = [
        entry("/m/0dgw9r", "Human sounds", SPEECH),
        entry(SPEECH, "Speech", CHILD, CONVERSATION, SYNTHETIC),
        entry(CHILD, "Child speech, kid speaking"),
        entry(CONVERSATION, "Conversation"),
        entry(SYNTHETIC, "Speech synthesizer"),
        entry(MUSIC, "Music", GUITAR),
        entry(GUITAR, "Guitar"),
        entry(DOG, "Dog"),
    ]
    path.write_text(json.dumps(entries))
    return path


def write_segments(path: Path) -> Path:
    path.write_text(HEADER + ROWS)
    return path


def write_audio(root: Path, seconds: float = 0.2) -> Path:
    names = (
        "--PJHxphWEs.wav",  # ID
        "a/Y-0RWZT-miFs.flac",  # YID
        "a/b/Yabcdefghi__0_10.wav",  # ID_START_END of an id that begins with Y and ends with _
        "0123456_89a_30.000.wav",  # ID_START
        "0123456_89a_70.000_80.000.flac",
        "robotrobot0_5.500_15.500.wav",
        "millisecond_30000.ogg",  # ID_STARTMS
        "dogdogdogdo.wav",
        "copies/--PJHxphWEs.wav",
        "notes.wav",
    )
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        sf.write(root / name, voiced(seconds, 16_000, i), 16_000)
    return root
