"""What encoders with layers share: long recordings in parts, one layer, their mean, or all."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from serab.extractors.base import Extractor

ALL = "all"


class LayeredExtractor(Extractor):
    """The mean over the frames of a layer; a subclass sets these and gives `_frames`.

    Attributes:
        layer: index into the hidden states, "mean" over all of them, or "all".
        window: samples that the model is given at once; longer recordings are cut into equal parts.
    """

    layer: int | str
    window: int

    @abstractmethod
    def _frames(self, waveform: np.ndarray) -> list[Tensor]:
        """Valid frames (T, D) of at most a window, of each layer that is asked for."""

    @abstractmethod
    def _fingerprint(self) -> str:
        """Of the weights, the layer and whatever else an embedding hangs on."""

    def at_layer(self, layer: int) -> Extractor:
        """The same model at one layer, its weights shared."""
        if layer not in self.layers:
            return super().at_layer(layer)
        one = copy.copy(self)
        one.layer, one.layers = layer, ()
        one.fingerprint = one._fingerprint()
        return one

    @torch.no_grad()
    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        count = max(1, -(-len(waveform) // self.window))
        parts = np.array_split(waveform, count)
        if not self.layers:
            frames = torch.cat([self._frames(part)[0] for part in parts])
            return frames.mean(0).float().cpu().numpy()
        sums, length = [], 0
        for part in parts:  # frames of all layers are kept for one part at a time
            frames_by_layer = self._frames(part)
            length += len(frames_by_layer[0])
            sums.append(torch.stack([frames.sum(0) for frames in frames_by_layer]))
        return (torch.stack(sums).sum(0) / length).flatten().float().cpu().numpy()

    def _chosen(self, hidden: Sequence[Tensor]) -> list[Tensor]:
        """Of the hidden states, those of the layers that are asked for."""
        if self.layer == ALL:
            return list(hidden)
        if self.layer == "mean":
            return [torch.stack(list(hidden)).mean(0)]
        return [hidden[int(self.layer)]]


def check_layer(layer: int | str, count: int) -> int | str:
    """A layer as it was given.

    Raises:
        ValueError: a model of `count` layers has no such one.
    """
    if layer in ("mean", ALL):
        return layer
    if type(layer) is not int or not -count - 1 <= layer <= count:
        raise ValueError(
            f"extractor.layer={layer}: the model has {count} layers; give all, mean, or a number "
            f"from {-count - 1} to {count}."
        )
    return layer
