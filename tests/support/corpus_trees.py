"""Whole corpora under their real names, each recording a few samples: for the contract test."""

import re
import struct
import unicodedata
from collections.abc import Iterable
from itertools import count, cycle, islice
from pathlib import Path

from serab.corpora import CORPORA
from serab.corpora.inventory import inventory

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
    return [unicodedata.normalize(form, _PLACES[code](name)) for name in _names(code)]


def kaggle_paths(code: str) -> list[str]:
    """The same as people find it on Kaggle: flat, or with folders of its own."""
    folder = {"SAV": "ALL", "CRE": "AudioWAV", "EMB": "wav"}.get(code, "archive/data")
    return [f"{folder}/{name}.wav" for name in _names(code)]


def _names(code: str) -> list[str]:
    if code == "SHE":
        real, more = shemo_names()
        return sorted(real + more)
    return sorted(inventory(code))


def _aesdd(name: str) -> str:
    emotion = CORPORA["AES"].label(name[0])
    return f"Acted Emotional Speech Dynamic Database/{emotion}/{name}.wav"


def _cafe(name: str) -> str:
    folders = {"C": "Colère", "D": "Dégoût", "J": "Joie", "N": "Neutre", "P": "Peur"}
    folders |= {"S": "Surprise", "T": "Tristesse"}
    level = "" if name[3] == "N" else {"1": "Faible/", "2": "Fort/"}[name[5]]
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


_SHEMO = """
    F01A23F3H7N11S23W6 F02A3F1H4N5S15W6 F03A10F3H5N7S18W10 F04A16N2 F05A3N58S4W3
    F06A2F1H11N1S9W3 F07A64H13N11S45W6 F08N1W1 F09A13F2H3N9S11W4 F10A60N1W2 F11N9S4W1
    F12A13F1N13 F13A23N1W3 F14H2N8W1 F15A4N2 F16F2S4W1 F17A3H1N1S10W1 F18A1N1S2 F19N38S4
    F20H5N16W6 F21A57H13N25S35W30 F22A9F1H4N6S15W3 F23A19H7N12S3W1 F24A70F2H26N16S15W24 F25A7N3
    F26F1N5S3 F27A3H1N1 F28A26H1N4S6 F29H1N10W1 F30A8F1H5N6S10W1 F31A11S1 M01H1N2W1
    M02A28H4N19S2 M03A48F2H2N7S20W7 M04A12H2N82S9W2 M05A11F1H2N19S13W2 M06A2N6S7W1 M07F4H2N8S1W1
    M08H4N11S1 M09A23N1 M10A2F1N1 M11H9N6S1 M12A69H1N87S5W9 M13A1H3N1 M14N5S1 M15A13N4W1
    M16A33F1H8N4W2 M17A1H1N8S1W1 M18A1N15S1 M19A5N6S1W2 M20A6H2N8S1W4 M21A4F1H2N10S1W7
    M22A6H1N31S2W1 M23A2H2W1 M24A4H1N5S2W4 M25A70H5N21S9W10 M26A37N10S4W2 M27N60W1
    M28A46H3N25S21W3 M29A19N5S1 M30A7N8 M31A5N13S1W1 M32A1H3N3S5W1 M33A1N1 M34A9H6N3S5 M35A1N1W1
    M36H1N3S6W1 M37A1N17 M38A1N13 M39A1H2N1W1 M40A5N54S1 M41A5H7N2W6 M42A13N1 M43A17H3N6W7
    M44A1F1H9N25S4W3 M45N5W1 M46A5N10W1 M47A20H1N26W2 M48A4N10S1W1 M49H1N5 M50A12N2 M51N23S2
    M52N3S4 M53A28N26S2 M54A1N3S1 M55A4H1N6 M56A1N5W1
"""
_SHEMO_GAPS = {"F07S30", "M54N01"} | {f"M05N{n:02d}" for n in range(5, 11)}


def shemo_names() -> tuple[list[str], list[str]]:
    """2,854 of ShEMO's names as they are (by speaker, how many of each emotion; a few numbers are
    not given), and 146 that go on counting, so that every class has its size."""
    real, last = [], {}
    for who, emotions in re.findall(r"([FM]\d\d)(\S+)", _SHEMO):
        for emotion, most in re.findall(r"([AFHNSW])(\d+)", emotions):
            last[who + emotion] = int(most)
            real += [f"{who}{emotion}{n:02d}" for n in range(1, int(most) + 1)]
    real = [name for name in real if name not in _SHEMO_GAPS]
    more = []
    for emotion, size in zip("AFHNSW", CORPORA["SHE"].counts, strict=True):
        short = size - sum(name[3] == emotion for name in real)
        for key in islice(cycle(key for key in last if key[3] == emotion), short):
            last[key] += 1
            more.append(f"{key}{last[key]:02d}")
    return real, more


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
