"""JSON of ours, read as the dataclass that it was written from: types are checked once, here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from annotated_types import Ge, Le

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Fraction = Annotated[float, Ge(0), Le(1)]
Count = Annotated[int, Ge(0)]
Positive = Annotated[int, Ge(1)]

SEAL = "checksum"
"""Key of a sealed object's own checksum."""

Kind = TypeVar("Kind")


def parse(content: bytes, kind: type[Kind], source: str, advice: str) -> Kind:
    """One JSON object as an instance of the dataclass `kind`; keys that it lacks are ignored.

    Every field must be there, unless its metadata have "optional". An object with a checksum of
    its own (`sealed`) must agree with it. NaN and infinity are no numbers here.

    Args:
        content: UTF-8.
        kind: its annotations say types and, by `Annotated`, ranges.
        source: begins the sentence of an error: the file, and the line where it has several.
        advice: ends it: what to do.

    Raises:
        ValueError: anything else than that; names `source` and the field.
    """
    fault = _fault(content, kind)
    if fault is None:
        from pydantic import ValidationError  # it takes a while to import

        try:
            # in a tuple, so that our settings hold: a bare dataclass takes none
            checked = _adapter(kind)  # type: ignore[arg-type]
            return checked.validate_json(b"[" + content + b"]")[0]
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"][1:]))
            if first["type"] == "missing":
                fault = f"{field} should be there"
            elif first["type"] == "value_error":  # of a record's own check
                fault = first["msg"].removeprefix("Value error, ")
            else:
                message = first["msg"].replace("Input should", "should")
                fault = f"{field} {message}, not {_shown(first['input'])}"
        except RecursionError:
            fault = "is nested too deep"
    raise ValueError(f"{source}: {fault}; {advice}.")


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The same with its own SHA-256 (hex) as "checksum": `parse` sees later changes."""
    return content | {SEAL: _seal(content)}


def _seal(content: dict[str, Any]) -> str:
    bare = {key: value for key, value in content.items() if key != SEAL}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def _fault(content: bytes, kind: type) -> str | None:
    """What is wrong with an object before its types are looked at."""
    try:
        values = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"isn't UTF-8 text (byte {error.start} is 0x{error.object[error.start]:02x})"
    except json.JSONDecodeError as error:
        return f"isn't JSON ({error})"
    except (ValueError, RecursionError):  # thousands of digits, of brackets
        return "isn't JSON of ours"
    if not isinstance(values, dict):
        return f"holds {_shown(values)}; expected an object"
    needed = [f.name for f in fields(kind) if not f.metadata.get("optional")]
    missing = [name for name in needed if name not in values]
    if missing:
        return f"lacks {', '.join(missing)}"
    if SEAL in values and values[SEAL] != _seal(values):
        return "was changed since it was written (its checksum differs)"
    return None


@cache
def _adapter(kind: Hashable) -> TypeAdapter:
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(strict=True, allow_inf_nan=False)
    return TypeAdapter(tuple[kind], config=config)  # type: ignore[valid-type]


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
