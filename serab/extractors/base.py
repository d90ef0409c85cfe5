"""What every extractor is: scikit-learn's contract, and enough to cache what it computes."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np


class Extractor(ABC):
    """`fit` on training waveforms, then `transform` any: one embedding an utterance.

    An embedding may depend on its utterance and on what was fitted, never on its batch-mates.

    Attributes:
        name: for tables and files.
        sample_rate: Hz of the waveforms it wants.
        fingerprint: differs whenever embeddings would (weights, settings), fitted state excluded.
        batch_size: utterances that `transform` is given at once, above 1 where that is faster;
            they are of about the same length.
        batch_seconds: of audio in a batch, its padding counted; a longer utterance comes alone.
        concurrent: whether `transform` may run in several threads at once. It then runs with one
            torch thread in each, which is faster for short utterances on a CPU.
        layers: where `transform` gives several layers at once, side by side in each embedding and
            of one width, their numbers; the protocol then chooses one. Empty for one embedding.
    """

    name: str
    sample_rate: int
    fingerprint: str
    batch_size: int = 1
    batch_seconds: float = 600.0
    concurrent: bool = False
    layers: tuple[int, ...] = ()

    def fit(self, train_waveforms: Iterable[np.ndarray]) -> Extractor:
        """Learn what is to be learnt from float32 (samples,) waveforms; by default nothing."""
        return self

    @abstractmethod
    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        """Embeddings, float32 (utterances, D), of float32 (samples,) waveforms."""

    def at_layer(self, layer: int) -> Extractor:
        """The same extractor giving one of `layers` alone, as if it had been made so."""
        raise ValueError(f"{self.name}: has no layer {layer} to choose.")

    @property
    def needs_fit(self) -> bool:
        """Whether `fit` looks at its waveforms."""
        return type(self).fit is not Extractor.fit

    def state(self) -> dict[str, Any]:
        """What was fitted, as plain numbers and strings."""
        return {}

    def restore(self, state: dict[str, Any]) -> Extractor:
        """Take `state()` back instead of fitting again."""
        return self


ATTRIBUTES: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "sample_rate": int,
    "fingerprint": str,
    "batch_size": int,
    "batch_seconds": (int, float),
    "concurrent": bool,
    "layers": tuple,
    "needs_fit": bool,
}
METHODS = ("fit", "transform", "state", "restore")


def check_attributes(extractor: object) -> None:
    """Check that an object has what an extractor must have, before anything is computed.

    Raises:
        ValueError: all that is missing or of another type, in one sentence.
    """
    wrong = [f"no {name}()" for name in METHODS if not callable(getattr(extractor, name, None))]
    for name, kind in ATTRIBUTES.items():
        value = getattr(extractor, name, None)
        if value is None:
            wrong.append(f"no {name}")
        elif not isinstance(value, kind) or (kind not in (bool, tuple) and not value):
            wrong.append(f"{name}={value!r}")
    title = getattr(extractor, "name", None)
    if isinstance(title, str) and title and not re.fullmatch(r"[\w.+-]+", title):
        wrong.append(f"name={title!r}, which goes into file names: letters, digits and _ . + -")
    if wrong:
        raise ValueError(
            f"extractor {type(extractor).__name__}: has {', '.join(wrong)}; subclass "
            "serab.extractors.base.Extractor and set name, sample_rate (Hz) and fingerprint, as "
            "serab/extractors/template.py does."
        )
