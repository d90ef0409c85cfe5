"""wav2vec2, HuBERT, WavLM and Whisper encoders of transformers: frames of a layer, averaged.

One recording at a time: with padded batches the group norm of wav2vec2-base lets batch-mates into
an embedding. Recordings over 30 s are cut into equal parts, so memory is bounded.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from datamodules.audio import fit_length
from serab.extractors.base import Extractor
from serab.extractors.loading import digest_weights, torch_device

if TYPE_CHECKING:
    from transformers import PretrainedConfig

WAVEFORM_MODELS = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat")
ALL = "all"
WINDOW_SECONDS = 30.0
"""Whisper's window, and the longest part of a recording that any model is given at once."""


class TransformersExtractor(Extractor):
    """The mean over the valid frames of one layer, or of the mean of all layers.

    Args:
        model: directory or id on the Hub.
        layer: index into the hidden states: 0 is what enters the first transformer layer, -1 what
            leaves the last; "mean" over all of them; or "all", side by side from one pass, of
            which the protocol chooses.
        revision: of the Hub's repository; pin it to a commit to keep results.
        name: for tables; the last part of `model` by default.
        device: "auto" takes a GPU where there is one.

    Raises:
        ValueError: transformers is missing, no such model or layer, or a model of another kind.
    """

    def __init__(
        self,
        model: str,
        layer: int | str = -1,
        revision: str | None = None,
        name: str | None = None,
        device: str = "auto",
    ):
        if model is None:
            raise ValueError("extractor.model: give a directory or an id on the Hugging Face Hub.")
        if str(model).startswith(("/", ".", "~")) and not Path(model).is_dir():
            raise ValueError(f"extractor.model={model}: no such directory.")
        transformers = _transformers()
        source = {"revision": revision, "trust_remote_code": False}
        try:
            config = transformers.AutoConfig.from_pretrained(model, **source)
            kinds = (*WAVEFORM_MODELS, "whisper")
            if config.model_type not in kinds:
                raise ValueError(
                    f"extractor.model={model}: is a {config.model_type}; expected one of "
                    f"{', '.join(kinds)}."
                )
            self._features = transformers.AutoFeatureExtractor.from_pretrained(model, **source)
            loaded, report = transformers.AutoModel.from_pretrained(
                model, config=config, output_loading_info=True, **source
            )
        except UnpicklingError as error:
            raise ValueError(
                f"extractor.model={model}: its weights hold Python objects, which are refused "
                "unexecuted; use a model in safetensors."
            ) from error
        except (OSError, KeyError, RuntimeError, SafetensorError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"extractor.model={model}: can't be loaded ({reason}); give a directory with "
                "config.json, preprocessor_config.json and model.safetensors, or an id on the Hub."
            ) from error
        # what a file lacks would be drawn at random; the mask embedding isn't used
        missing = sorted(k for k in report["missing_keys"] if "masked_spec_embed" not in k)
        if missing:
            raise ValueError(
                f"extractor.model={model}: its weights lack {len(missing)} entries of a "
                f"{config.model_type} (such as {missing[0]}); they are of another model."
            )
        device = torch_device(device)
        self._whisper = config.model_type == "whisper"
        encoder = loaded.get_encoder() if self._whisper else loaded
        self._model, self._device = encoder.eval().to(device), device
        self.layer = _checked_layer(layer, config)
        self.layers = tuple(range(_layer_count(config) + 1)) if layer == ALL else ()
        self.sample_rate = self._features.sampling_rate
        self.name = name or Path(model).name
        # the shortest input that gives a frame
        self._shortest = 1 if self._whisper else _receptive_field(config)
        self._digest = digest_weights(encoder)
        self._kind = config.model_type
        self.fingerprint = self._fingerprint()

    def _fingerprint(self) -> str:
        return (
            f"{self._digest} {self.layer} {self._features.to_json_string()} "
            f"{self._kind} {version('transformers')}"
        )

    def at_layer(self, layer: int) -> TransformersExtractor:
        """The same model at one layer, its weights shared."""
        if layer not in self.layers:
            return super().at_layer(layer)  # type: ignore[return-value]
        one = copy.copy(self)
        one.layer, one.layers = layer, ()
        one.fingerprint = one._fingerprint()
        return one

    @torch.no_grad()
    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        count = max(1, -(-len(waveform) // round(WINDOW_SECONDS * self.sample_rate)))
        parts = np.array_split(waveform, count)
        if not self.layers:
            frames = torch.cat([self._frames(part)[0] for part in parts])
            return frames.mean(0).float().cpu().numpy()
        total, length = 0.0, 0
        for part in parts:  # frames of all layers are kept for one part at a time
            frames_by_layer = self._frames(part)
            length += len(frames_by_layer[0])
            total = total + torch.stack([frames.sum(0) for frames in frames_by_layer])
        return (total / length).flatten().float().cpu().numpy()

    def _frames(self, waveform: np.ndarray) -> list[Tensor]:
        """Valid frames (T, D) of at most 30 s, of each layer that is asked for."""
        samples = max(len(waveform), self._shortest)
        features = self._features(
            fit_length(waveform, samples),
            sampling_rate=self.sample_rate,
            return_tensors="pt",
            **({} if self._whisper else {"padding": False}),
        )
        (inputs,) = (features[key] for key in self._features.model_input_names[:1])
        hidden = self._model(
            inputs.to(self._device), output_hidden_states=True, return_dict=True
        ).hidden_states
        if self.layer == ALL:
            layers = list(hidden)
        else:
            layers = [torch.stack(hidden).mean(0) if self.layer == "mean" else hidden[self.layer]]
        if self._whisper:
            # 30 s go in, and the frames of the padding are masked: two mel frames make one
            valid = max(1, -(-samples // (2 * self._features.hop_length)))
            return [layer[0, :valid] for layer in layers]
        return [layer[0] for layer in layers]


def _checked_layer(layer: int | str, config: PretrainedConfig) -> int | str:
    count = _layer_count(config)
    if layer in ("mean", ALL):
        return layer
    if type(layer) is not int or not -count - 1 <= layer <= count:
        raise ValueError(
            f"extractor.layer={layer}: the model has {count} layers; give all, mean, or a number "
            f"from {-count - 1} to {count}."
        )
    return layer


def _layer_count(config: PretrainedConfig) -> int:
    return getattr(config, "encoder_layers", None) or config.num_hidden_layers


def _receptive_field(config: PretrainedConfig) -> int:
    """Samples that the convolutions in front see for one frame."""
    field, stride = 1, 1
    for kernel, step in zip(config.conv_kernel, config.conv_stride, strict=True):
        field += (kernel - 1) * stride
        stride *= step
    return field


def _transformers() -> ModuleType:
    try:
        import transformers
    except ImportError as error:
        raise ValueError(
            f"extractor=transformers needs the transformers package ({error}); run "
            "pip install transformers==5.23.0."
        ) from error
    transformers.utils.logging.disable_progress_bar()
    return transformers
