"""The utterances that a complete corpus holds, by name, so that missing ones can be named."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

NAMES = Path(__file__).with_name("names")
"""Lists of the corpora whose names follow no rule: utterance ids, separated by white space."""


@cache
def inventory(code: str) -> frozenset[str] | None:
    """Ids of all utterances of a corpus, those left out among them; None when not known."""
    if code in _RULES:
        return frozenset(_RULES[code]())
    listed = NAMES / f"{code}.txt"
    return frozenset(listed.read_text(encoding="utf-8").split()) if listed.is_file() else None


def _aesdd() -> set[str]:
    names = {
        f"{e}{line:02d} ({speaker})"
        for e, line, speaker in product("adfhs", range(1, 21), range(1, 7))
    }
    names -= {"d18 (5)", "f02 (4)", "h11 (3)", "s01 (5)"}
    for name in ("d03 (1)", "f10 (1)", "f11 (1)", "f12 (1)", "f13 (1)"):
        names.remove(name)
        names.add(name.replace("(1)", "(01)"))
    names |= {f"{line} (5)b" for line in ("a06", "d01", "d03", "d04", "f18", "s01", "s02", "s04")}
    return names | {"s01 (5)a"}


def _cafe() -> set[str]:
    acted = product(range(1, 13), "CDJPST", (1, 2), range(1, 7))
    neutral = product(range(1, 13), "N", (1,), range(1, 7))
    return {f"{who:02d}-{e}-{level}-{line}" for who, e, level, line in (*acted, *neutral)}


def _crema_d() -> set[str]:
    emotions = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
    lines = ("DFA", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
    people = range(1001, 1092)
    names = {f"{who}_{line}_{e}_XX" for who, line, e in product(people, lines, emotions)}
    for who, e, level in product(people, emotions, ("LO", "MD", "HI")):
        names.add(f"{who}_IEO_{e}_{'XX' if e == 'NEU' else level}")
    for missed in ("1008_WSI", "1009_MTI", "1019_ITH"):
        names -= {f"{missed}_{e}_XX" for e in emotions}
    return names - {"1002_TIE_NEU_XX", "1076_ITS_NEU_XX"}


def _emovo() -> set[str]:
    lines = ("b1", "b2", "b3", "d1", "d2", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5")
    emotions = ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
    people = ("f1", "f2", "f3", "m1", "m2", "m3")
    return {f"{e}-{who}-{line}" for e, who, line in product(emotions, people, lines)}


def _ravdess() -> set[str]:
    return {
        f"03-01-{e:02d}-{level:02d}-{line:02d}-{take:02d}-{who:02d}"
        for e, level, line, take, who in product(range(1, 9), (1, 2), (1, 2), (1, 2), range(1, 25))
        if not (e == 1 and level == 2)  # neutral has no strong version
    }


def _savee() -> set[str]:
    return {
        f"{who}_{e}{line:02d}"
        for who, e in product(("DC", "JE", "JK", "KL"), ("a", "d", "f", "h", "n", "sa", "su"))
        for line in range(1, 31 if e == "n" else 16)
    }


_RULES = {
    "AES": _aesdd,
    "CAF": _cafe,
    "CRE": _crema_d,
    "EMV": _emovo,
    "RAV": _ravdess,
    "SAV": _savee,
}
