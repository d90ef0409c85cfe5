"""Any module with the HEAR API: its scene embeddings, one recording at a time."""

from __future__ import annotations

import sys
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

OURS = "serab.hear"
FUNCTIONS = ("load_model", "get_scene_embeddings")
ATTRIBUTES = ("sample_rate", "scene_embedding_size")


class HearExtractor(Extractor):
    """Scene embeddings of a HEAR module, of PyTorch or TensorFlow.

    Args:
        module: importable name, such as "serab.hear".
        weights: handed to its `load_model`, or None for the module's own.
        name: for tables; the module's by default.
        device: "auto" takes a GPU where there is one.
        min_seconds: shorter utterances are padded with zeros to that length.

    Raises:
        ValueError: the module can't be imported or lacks a function; the model lacks an attribute.
    """

    def __init__(
        self,
        module: str,
        weights: str | Path | None = None,
        name: str | None = None,
        device: str = "auto",
        min_seconds: float = 0.1,
    ):
        self._api = import_named(module, "extractor.module")
        missing = [name for name in FUNCTIONS if not callable(getattr(self._api, name, None))]
        if missing:
            raise ValueError(
                f"extractor.module={module}: has no function {' and no '.join(missing)}; a HEAR "
                f"module has {', '.join(FUNCTIONS)} and get_timestamp_embeddings."
            )
        named = module == OURS  # whose load_model knows weights by name too, and says what isn't
        if weights is not None and not named and not Path(weights).exists():
            raise ValueError(
                f"extractor.weights={weights}: no such file or directory; give what {module} loads."
            )
        arguments = () if weights is None else (str(weights),)
        model = self._api.load_model(*arguments)
        missing = [name for name in ATTRIBUTES if not isinstance(getattr(model, name, None), int)]
        if missing:
            raise ValueError(
                f"extractor.module={module}: its model has no integer {' and no '.join(missing)}, "
                "which HEAR asks for."
            )
        files = [path for path in (self._api.__file__, weights) if path is not None]
        if isinstance(model, torch.nn.Module):
            device = torch_device(device)
            model = model.eval().to(device)
            self.fingerprint = f"{digest_files(files[:1])}-{digest_weights(model)}"
        else:
            device = "cpu"
            self.fingerprint = digest_files(files)
        self._model, self._device = model, device
        self.name = name or module.replace(".", "_")
        self.sample_rate = model.sample_rate
        self.width = model.scene_embedding_size
        self.min_samples = round(min_seconds * self.sample_rate)

    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        audio = self._tensor(fit_length(waveform, max(len(waveform), self.min_samples))[None])
        with torch.no_grad(), one_sentence(self.name, audio.shape[1]):
            embedding = self._api.get_scene_embeddings(audio, self._model)
        if isinstance(embedding, torch.Tensor):
            embedding = embedding.detach().cpu()
        embedding = np.asarray(embedding, dtype=np.float32)
        if embedding.shape != (1, self.width):
            raise ValueError(
                f"{self.name}: get_scene_embeddings gave {embedding.shape} for one recording of "
                f"{len(waveform)} samples; its model says (1, {self.width})."
            )
        return embedding[0]

    def _tensor(self, audio: np.ndarray) -> Any:
        if isinstance(self._model, torch.nn.Module):
            return torch.from_numpy(audio).to(self._device)
        return sys.modules["tensorflow"].convert_to_tensor(audio)  # its model has imported it
