"""Whole corpora under their real names, each recording a few samples: for the contract test."""

import struct
import unicodedata
from collections.abc import Iterable
from itertools import count, cycle
from pathlib import Path

from serab.corpora import CORPORA
from serab.inventory import inventory

_serial = count(1)


def write_wav(path: Path, rate: int = 16_000, channels: int = 1, samples: int = 40) -> None:
    """A 16-bit WAV unlike any other: its first samples are a serial number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = struct.pack("<I", next(_serial)) * channels * (samples // 2)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(body),
        b"WAVE",
        b"fmt ",
        16,
        1,
        channels,
        rate,
        rate * channels * 2,
        channels * 2,
        16,
        b"data",
        len(body),
    )
    path.write_bytes(head + body)  # fmt: skip


def provider_paths(code: str, form: str = "NFC") -> list[str]:
    """Every recording of a corpus, where its provider's archive has it."""
    names = sorted(inventory(code)) if code != "SHE" else shemo_names()
    return [unicodedata.normalize(form, _PLACES[code](name)) for name in names]


def kaggle_paths(code: str) -> list[str]:
    """The same as people find it on Kaggle: flat, or with folders of its own."""
    names = sorted(inventory(code)) if code != "SHE" else shemo_names()
    folder = {"SAV": "ALL", "CRE": "AudioWAV", "EMB": "wav"}.get(code, "archive/data")
    return [f"{folder}/{name}.wav" for name in names]


def _aesdd(name: str) -> str:
    emotion = CORPORA["AES"].label(name[0])
    return f"Acted Emotional Speech Dynamic Database/{emotion}/{name}.wav"


def _cafe(name: str) -> str:
    folders = {"C": "Colère", "D": "Dégoût", "J": "Joie", "N": "Neutre", "P": "Peur"}
    folders |= {"S": "Surprise", "T": "Tristesse"}
    level = {"0": "", "1": "Faible/", "2": "Fort/"}[name[5]]
    return f"CaFE_48k/{folders[name[3]]}/{level}{name}.wav"


_PLACES = {
    "AES": _aesdd,
    "CAF": _cafe,
    "CRE": "AudioWAV/{}.wav".format,
    "EMB": "wav/{}.wav".format,
    "EMV": lambda name: f"EMOVO/{name[4:6]}/{name}.wav",
    "RAV": lambda name: f"Actor_{name[-2:]}/{name}.wav",
    "SAV": lambda name: f"AudioData/{name.replace('_', '/')}.wav",
    "SHE": lambda name: f"{'female' if name[0] == 'F' else 'male'}/{name}.wav",
}


def write_tree(folder: Path, paths: list[str]) -> None:
    """Mono and stereo, 16 and 48 kHz, mixed, as RAVDESS and EMOVO are; AESDD's damaged file and
    CREMA-D's silent one as they are published."""
    kinds = cycle([(16_000, 1), (48_000, 2), (48_000, 1)])
    for path, (rate, channels) in zip(paths, kinds, strict=False):
        write_wav(folder / path, rate, channels)
    broken = folder / "Acted Emotional Speech Dynamic Database/sadness/s05 (3).wav"
    if broken.exists():
        broken.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    silent = folder / "AudioWAV/1076_MTI_SAD_XX.wav"
    if silent.exists():
        silent.write_bytes(silent.read_bytes()[:44] + bytes(silent.stat().st_size - 44))


def shemo_names() -> list[str]:
    """3,000 names in ShEMO's form, with its classes' sizes and its 31 women and 56 men."""
    people = [f"F{n:02d}" for n in range(1, 32)] + [f"M{n:02d}" for n in range(1, 57)]
    sizes = {"A": 1059, "F": 38, "H": 201, "N": 1028, "S": 449, "W": 225}
    names = []
    for emotion, size in sizes.items():
        turn = {who: count(1) for who in people}
        for _, who in zip(range(size), cycle(people), strict=False):
            names.append(f"{who}{emotion}{next(turn[who]):02d}")
    return names


IEMOCAP_SPEAKERS = {
    "01F": 528, "01M": 557, "02F": 481, "02M": 542, "03F": 522,
    "03M": 629, "04F": 528, "04M": 503, "05F": 590, "05M": 651,
}  # fmt: skip
"""Utterances of the four classes by true speaker."""

_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"


def write_iemocap(
    folder: Path, people: Iterable[str] = IEMOCAP_SPEAKERS
) -> dict[str, tuple[str, float, float]]:
    """IEMOCAP's recordings, dialogues and label files, annotators' lines and all.

    Returns:
        id -> (label, valence, arousal) of every turn, those of other classes among them.
    """
    sizes = {"ang": 1103, "hap": 595, "exc": 1041, "neu": 1708, "sad": 1084}
    queue = [label for label, size in sizes.items() for _ in range(size)]
    queue = queue[::7] + [label for i, label in enumerate(queue) if i % 7]  # mix classes a little
    release = folder / "IEMOCAP_full_release"
    turns, files, labels = {}, {}, iter(queue)
    for who in people:
        size = IEMOCAP_SPEAKERS[who]
        session, gender = who[:2], who[2]
        for number in range(size):
            marked = "FM"[number % 5 < 2]  # who wears the markers, speaking or not
            scene = ("impro01", "script02_1", "impro05a")[number % 3]
            dialogue = f"Ses{session}{marked}_{scene}"
            label = next(labels)
            for turn, mark in (
                (f"{gender}{number:03d}", label),
                (f"{gender}XX{number % 10}", "fru"),
            ):
                key = f"{dialogue}_{turn}"
                if key not in turns:
                    turns[key] = (mark, 1.0 + number % 9 / 2, 5.0 - number % 7 / 2)
                    files.setdefault(dialogue, []).append(key)
    for dialogue, keys in files.items():
        session = release / f"Session{int(dialogue[3:5])}"
        text = _HEADER
        for at, key in enumerate(keys):
            mark, valence, arousal = turns[key]
            text += f"[{at:.4f} - {at + 1.9:.4f}]\t{key}\t{mark}\t"
            text += f"[{valence:.4f}, {arousal:.4f}, 2.5000]\n"
            text += "C-E2:\tNeutral;\t()\nC-F1:\tAnger; Frustration;\t(a bit)\n"
            text += "A-E3:\tval 3; act 2; dom  2;\t()\n\n"
            write_wav(session / f"sentences/wav/{dialogue}/{key}.wav")
        evaluation = session / "dialog/EmoEvaluation"
        (evaluation / "Categorical").mkdir(parents=True, exist_ok=True)
        (evaluation / f"{dialogue}.txt").write_text(text)
        (evaluation / f"Categorical/{dialogue}_e2_cat.txt").write_text("not for us :Neutral; ()\n")
        (evaluation / f"._{dialogue}.txt").write_bytes(b"\x00\x05\x16\x07")
        write_wav(session / f"dialog/wav/{dialogue}.wav")
    return turns
