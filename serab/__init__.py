"""SERAB: nine emotion corpora, two protocols, five classifiers, one number per encoder.

`from serab import load_encoder` is all that embedding needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serab.neighbours import check_neighbours

if TYPE_CHECKING:
    from models.checkpoint import load_encoder

__all__ = ["load_encoder"]

check_neighbours()


def __getattr__(name: str) -> Any:
    """`load_encoder` when it is asked for: torch takes seconds to import."""
    if name == "load_encoder":
        from models.checkpoint import load_encoder

        return load_encoder
    raise AttributeError(f"module 'serab' has no attribute {name!r}")
