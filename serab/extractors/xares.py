"""Any encoder with the X-ARES contract: its frames, averaged over the utterance."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.audio import fit_length
from serab.extractors.base import Extractor
from serab.extractors.loading import (
    digest_files,
    digest_weights,
    import_named,
    one_sentence,
    torch_device,
)

ATTRIBUTES: dict[str, type | tuple[type, ...]] = {
    "sampling_rate": int,
    "output_dim": int,
    "hop_size_in_ms": (int, float),
}


class XaresExtractor(Extractor):
    """The mean over time of an X-ARES encoder, one recording at a time.

    Args:
        encoder: "package.module:Class", such as "serab.xares:SpeechFramesEncoder".
        weights: handed to the class, or None for no argument.
        name: for tables; the class's by default.
        device: "auto" takes a GPU where there is one.
        min_seconds: shorter utterances are padded with zeros to that length.

    Raises:
        ValueError: no such class, or one that lacks what X-ARES asks for.
    """

    def __init__(
        self,
        encoder: str,
        weights: str | Path | None = None,
        name: str | None = None,
        device: str = "auto",
        min_seconds: float = 0.1,
    ):
        module_name, _, class_name = encoder.partition(":")
        module = import_named(module_name, "extractor.encoder")
        kind = getattr(module, class_name, None) if class_name else None
        if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
            raise ValueError(
                f"extractor.encoder={encoder}: expected package.module:Class of a torch module, "
                "such as serab.xares:SpeechFramesEncoder."
            )
        model = kind() if weights is None else kind(str(weights))
        attributes: dict[str, Any] = {name: getattr(model, name, None) for name in ATTRIBUTES}
        missing = [key for key, kind in ATTRIBUTES.items() if not isinstance(attributes[key], kind)]
        if missing:
            raise ValueError(
                f"extractor.encoder={encoder}: has no number {' and no '.join(missing)}, which "
                "X-ARES asks for."
            )
        device = torch_device(device)
        self._model, self._device = model.eval().to(device), device
        self.name = name or class_name
        self.sample_rate, self.width = attributes["sampling_rate"], attributes["output_dim"]
        self.min_samples = round(min_seconds * self.sample_rate)
        assert module.__file__ is not None  # a module with a class
        self.fingerprint = f"{digest_files([module.__file__])}-{digest_weights(model)}"

    @torch.no_grad()
    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        audio = fit_length(waveform, max(len(waveform), self.min_samples))
        with one_sentence(self.name, len(audio)):
            frames = self._model(torch.from_numpy(audio)[None].to(self._device))
        shape = tuple(frames.shape)
        if len(shape) != 3 or shape[0] != 1 or shape[1] == 0 or shape[2] != self.width:
            raise ValueError(
                f"{self.name}: forward gave {shape} for one recording of {len(waveform)} samples; "
                f"X-ARES says (1, T', {self.width}) with at least one frame."
            )
        return frames[0].mean(0).float().cpu().numpy()
