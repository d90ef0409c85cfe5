"""A config entry of the wrong type is named with its full key, by the annotation it goes to."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf

from serab.launch.arguments import check_arguments, check_entries


class Base:
    def __init__(self, steps: int, rate: float = 0.1, shared: bool = False):
        self.steps = steps


class Leaf(Base):
    """Something that a config names."""

    def __init__(
        self,
        root: str | Path,
        sizes: Sequence[int] = (1,),
        workers: int | str = "auto",
        mode: Literal["a", "b"] | None = None,
        make: Callable[[], int] | None = None,
        anything: Any = None,
        **arguments: Any,
    ):
        super().__init__(**arguments)


class Undocumented:
    def __init__(self, x, y: "NotThere" = None):
        self.x = x


def check(target: type, **entries: object) -> None:
    name = f"{__name__}.{target.__name__}"
    config = OmegaConf.create({"group": {"inner": {"_target_": name, **entries}}})
    check_arguments(config, ["group"])


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch):
    """By the name that a config has, which Hydra imports."""
    monkeypatch.setattr(
        "serab.launch.arguments.get_object", lambda name: globals()[name.split(".")[-1]]
    )


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"steps": "abc"}, "group.inner.steps=abc: expected a whole number."),
        ({"steps": 1.5}, "group.inner.steps=1.5: expected a whole number."),
        ({"steps": True}, "group.inner.steps=True: expected a whole number."),
        ({"rate": "x"}, "group.inner.rate=x: expected a number."),
        ({"shared": 1}, "group.inner.shared=1: expected true or false."),
        ({"sizes": 3}, "group.inner.sizes=3: expected a list of whole numbers."),
        ({"sizes": [1, "b"]}, r"group.inner.sizes=\[1, 'b'\]: expected a list of whole numbers."),
        ({"workers": [1]}, r"group.inner.workers=\[1\]: expected a whole number or text."),
        ({"root": 5}, "group.inner.root=5: expected text; quote it .*'group.inner.root=\"5\"'"),
        ({"mode": 3}, "group.inner.mode=3: expected text; quote it"),
    ],
)
def test_wrong(entries, sentence):
    with pytest.raises(ValueError, match=sentence):
        check(Leaf, **{"root": "x", **entries})


@pytest.mark.parametrize(
    "entries",
    [
        {"steps": 3, "rate": 2, "shared": False, "sizes": [1, 2], "workers": 4},
        {"workers": "many"},  # the leaf knows which words it takes
        {"mode": "c", "root": "${oc.env:HOME}"},
        {"make": {"_target_": "x.y"}, "anything": "abc", "unknown": 3},
        {"root": "???"},
        {"steps": "${elsewhere}"},  # told where it stands
    ],
)
def test_right(entries):
    check(Leaf, **{"root": "x", **entries})


def test_what_has_no_annotations_is_left_to_the_leaf():
    check(Undocumented, x="abc", y=3)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"seed": "abc"}, "seed=abc: expected a whole number."),
        ({"probe": {"every_epochs": 0.5}}, "probe.every_epochs=0.5: expected a whole number."),
        ({"checkpoint": {"every_seconds": "x"}}, "checkpoint.every_seconds=x: expected a number."),
        ({"evaluate": {"cache": "no way"}}, "evaluate.cache=no way: expected true or false."),
    ],
)
def test_our_own_entries(entries, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_entries(OmegaConf.create(entries))


def test_entries_that_are_not_there_or_null_pass():
    check_entries(
        OmegaConf.create({"seed": 1, "optimize": None, "checkpoint": {"every_seconds": 3}})
    )
