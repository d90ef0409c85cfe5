"""JSON as dataclasses: right values come through as they are, others in one sentence."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum

import pytest

from datamodules.typed_json import Count, Fraction, parse, sealed


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    name: str


@dataclass(frozen=True)
class Record:
    number: Count
    share: Fraction | None
    names: list[str]
    inner: tuple[Inner, ...]
    colour: Colour
    sure: bool = False
    settings: dict[str, float | int | str | bool | None] = field(default_factory=dict)
    later: int = field(default=3, metadata={"optional": True})


GOOD = Record(2, 0.5, ["ä"], (Inner("x"),), Colour.RED, True, {"C": 1, "D": 1e-05, "w": None})


def read(content: dict) -> Record:
    return parse(json.dumps(content).encode(), Record, "file: line 2", "copy it again")


def test_what_was_written_is_read():
    found = read(asdict(GOOD))
    assert found == GOOD
    assert (type(found.settings["C"]), type(found.settings["D"])) == (int, float)
    content = asdict(GOOD)
    del content["later"]
    assert read(content | {"more": 1}) == GOOD


WRONG = {
    "number": (None, "1", -1, 1.0, 1e9, float("nan"), [], {}, True),
    "share": ("1", -0.1, 1.1, float("nan"), float("inf"), [], True, {"_target_": "os.system"}),
    "names": (None, "a", {}, [1], [None]),
    "inner": (None, [[]], [{}], [{"name": 1}]),
    "colour": ("blue", 0, None),
    "sure": (0, 1, "yes", None),
    "settings": ([], {"C": []}, {"C": float("inf")}),
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in WRONG.items() for v in vs])
def test_a_wrong_value_names_its_field(name, value):
    with pytest.raises(ValueError, match=rf"^file: line 2: {name}.* should .*; copy it again\.$"):
        read(asdict(GOOD) | {name: value})


def test_a_field_that_is_gone():
    content = asdict(GOOD)
    del content["sure"]
    with pytest.raises(ValueError, match="file: line 2: lacks sure; copy it again"):
        read(content)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "isn't JSON"),
        (b"{", "isn't JSON"),
        (b"[]", r"holds \[\]; expected an object"),
        (b"\xff{}", "isn't UTF-8 text .byte 0 is 0xff"),
        (b"[" * 100_000, "isn't JSON of ours"),
        (b'{"number": ' + b"9" * 10_000 + b"}", "isn't JSON of ours"),
        (b"{}, {}", "isn't JSON"),
        (b'"\x1b[31m"', "isn't JSON"),
    ],
)
def test_no_json(content, sentence):
    with pytest.raises(ValueError, match=f"^file: {sentence}"):
        parse(content, Record, "file", "copy it again")


def test_what_is_shown_of_it_is_short_and_plain():
    with pytest.raises(ValueError, match="number") as error:
        read(asdict(GOOD) | {"number": "\x1b[31mevil\n" * 100})
    assert len(str(error.value)) < 160
    assert str(error.value).isprintable()


def test_a_seal_shows_what_changed():
    content = sealed(asdict(GOOD))
    assert read(content) == GOOD
    for change in ({"number": 3}, {"more": 1}, {"checksum": None}):
        with pytest.raises(ValueError, match="was changed since it was written"):
            read(content | change)
