"""Every config entry has the type that the argument it becomes is annotated with, or says so."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

ENTRIES: dict[str, Any] = {
    "seed": int,
    "splits": int | str,
    "allow_leaks": bool,
    "jobs": int,
    "cache": bool,
    "keep": bool,
    "optimize": str | None,
    "resume": str,
    "probe.every_epochs": int,
    "evaluate.splits": int | str,
    "evaluate.allow_leaks": bool,
    "evaluate.jobs": int,
    "evaluate.cache": bool,
    "checkpoint.every_seconds": float,
}
"""The entries of our own that no class with annotations takes."""

_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    type(None): "null",
}


def check_entries(cfg: DictConfig) -> None:
    """Check the entries of `ENTRIES` that the config has.

    Raises:
        ValueError: one of another type; names the key, its value and what is expected.
    """
    for key, hint in ENTRIES.items():
        value = OmegaConf.select(cfg, key)
        if value is not None:
            _check(key, value, hint)


def check_arguments(cfg: DictConfig, keys: Sequence[str]) -> None:
    """Check what the nodes at `keys` give to the classes and functions that they name.

    An entry that another one fills (`${seed}`) is checked where it stands itself.

    Raises:
        ValueError: an argument of another type than its annotation; names key, value, expectation.
    """
    for key in keys:
        for path, node in _nodes(OmegaConf.select(cfg, key), key):
            hints = _hints(str(node["_target_"]))
            for name in map(str, node):
                known = name in hints and not OmegaConf.is_missing(node, name)
                if known and not OmegaConf.is_interpolation(node, name):
                    _check(f"{path}.{name}", node[name], hints[name])


def _nodes(node: Any, path: str) -> Iterator[tuple[str, DictConfig]]:
    if not isinstance(node, DictConfig):
        return
    if "_target_" in node:
        yield path, node
    for name in map(str, node):
        if not OmegaConf.is_missing(node, name) and not OmegaConf.is_interpolation(node, name):
            yield from _nodes(node[name], f"{path}.{name}")


def _hints(target: str) -> dict[str, Any]:
    """The annotations of a target's arguments; none where it isn't there or can't be read."""
    try:
        called = get_object(target)
        if not inspect.isclass(called):
            return typing.get_type_hints(called)
        found: dict[str, Any] = {}
        for base in reversed(called.__mro__):  # `**arguments` go to a base class
            if "__init__" in vars(base):
                found |= typing.get_type_hints(vars(base)["__init__"])
        return found
    except Exception:  # a target's own import may raise anything; building it will tell
        return {}


def _check(key: str, value: Any, hint: Any) -> None:
    if isinstance(value, DictConfig):  # something to build
        return
    expected = {_word(kind): kind for kind in _kinds(hint)}
    words = [word for word in expected if word is not None]
    if not words or any(_fits(value, kind) for kind in expected.values()):
        return
    shown = OmegaConf.to_container(value) if isinstance(value, ListConfig) else value
    advice = ""
    if _WORDS[str] in words and not isinstance(value, ListConfig):
        advice = f"; quote it for the shell and for Hydra: '{key}=\"{shown}\"'"
    choices = [word for word in words if word != "null"]
    raise ValueError(f"{key}={shown}: expected {' or '.join(choices)}{advice}.")


def _kinds(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(kind for part in typing.get_args(hint) for kind in _kinds(part))
    return (hint,)


def _word(kind: Any) -> str | None:
    """How a sentence calls a type; None for one that isn't a plain value's."""
    if typing.get_origin(kind) is typing.Literal or _is_path(kind):
        return _WORDS[str]
    if not _is_list(kind):
        return _WORDS.get(kind)
    (item, *_) = typing.get_args(kind) or (None,)
    return {int: "a list of whole numbers", float: "a list of numbers"}.get(item, "a list")


def _fits(value: Any, kind: Any) -> bool:
    if _is_list(kind):
        (item_kind, *_) = typing.get_args(kind) or (Any,)
        return isinstance(value, ListConfig) and all(
            _word(item_kind) is None or _fits(item, item_kind) for item in value
        )
    if typing.get_origin(kind) is typing.Literal:
        return isinstance(value, tuple({type(choice) for choice in typing.get_args(kind)}))
    if _is_path(kind):
        return isinstance(value, str)
    if kind in (int, float):
        numbers = (int,) if kind is int else (int, float)
        return isinstance(value, numbers) and not isinstance(value, bool)
    return kind in _WORDS and isinstance(value, kind)


def _is_path(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, Path)


def _is_list(kind: Any) -> bool:
    origin = typing.get_origin(kind) or kind
    return (
        inspect.isclass(origin)
        and issubclass(origin, Sequence)
        and not issubclass(origin, (str, bytes, Mapping))
    )
