"""emotion2vec and emotion2vec+: the frames of a layer, averaged, without FunASR.

FunASR brings some 30 packages and runs text of config.yaml as Python; so the published checkpoint
is read here, into a network that is held to FunASR's own embeddings.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.audio import fit_length
from serab.extractors.emotion2vec.network import Emotion2vecNetwork
from serab.extractors.emotion2vec.published import layout_of, read_config, read_weights
from serab.extractors.layered import ALL, LayeredExtractor, check_layer
from serab.extractors.loading import digest_weights, torch_device
from serab.extractors.transformers.revisions import pin_revision, pinned_revision

WINDOW_SECONDS = 30
"""Attention grows with the square of the frames, so longer recordings are cut."""


class Emotion2vecExtractor(LayeredExtractor):
    """The mean over the frames of one layer, or of the mean of all layers.

    Args:
        model: folder with config.yaml and a .pt file, or id on the Hub.
        layer: index into the hidden states: 0 is what enters the first transformer layer, -1 what
            leaves the last; "mean"; or "all", of which the protocol chooses.
        revision: of the Hub's repository; by default that of its first use here (`revisions`).
        name: for tables; the last part of `model` by default.
        device: "auto" takes a GPU where there is one.
        licence, trained_on: of the weights; kept with the results, not used.

    Raises:
        ValueError: no such model or layer, or files of another model.
    """

    sample_rate = 16_000
    window = WINDOW_SECONDS * 16_000

    def __init__(
        self,
        model: str,
        layer: int | str = -1,
        revision: str | None = None,
        name: str | None = None,
        device: str = "auto",
        licence: str | None = None,
        trained_on: str | None = None,
    ):
        if model is None:
            raise ValueError("extractor.model: give a directory or an id on the Hugging Face Hub.")
        folder, self.revision = _folder(str(model), revision)
        config = read_config(folder)
        layout = layout_of(config, folder / "config.yaml")
        network = Emotion2vecNetwork(layout).eval()
        read_weights(network, folder)
        count = layout.first + layout.second
        self.layer = check_layer(layer, count)
        self.layers = tuple(range(count + 1)) if layer == ALL else ()
        self.name = name or Path(model).name
        self.licence, self.trained_on = licence, trained_on
        self._shortest, self._normalize = layout.shortest, config.normalize
        self._digest = f"{digest_weights(network)} {layout} {config.normalize}"
        self._device = torch_device(device)
        self._network = network.to(self._device)
        self.fingerprint = self._fingerprint()

    def _fingerprint(self) -> str:
        return f"{self._digest} {self.layer}"

    def _frames(self, waveform: np.ndarray) -> list[Tensor]:
        samples = fit_length(waveform, max(len(waveform), self._shortest))
        source = torch.from_numpy(samples).to(self._device)
        if self._normalize:
            source = F.layer_norm(source, source.shape)
        return self._chosen([state[0] for state in self._network(source[None])])


def _folder(model: str, revision: str | None) -> tuple[Path, str | None]:
    """Where the files of a model are, and its commit where it is the Hub's."""
    if Path(model).is_dir():
        return Path(model), None
    if model.startswith(("/", ".", "~")):
        raise ValueError(f"extractor.model={model}: no such directory.")
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(
                model,
                revision=revision or pinned_revision(model),
                allow_patterns=["config.yaml", "*.pt"],
            )
        )
    except (OSError, ValueError) as error:  # what the Hub's client raises is one of them
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"extractor.model={model}: can't be downloaded ({reason}); give a folder with "
            "config.yaml and the .pt file, or an id on the Hub."
        ) from error
    pin_revision(model, folder.name)
    return folder, folder.name
