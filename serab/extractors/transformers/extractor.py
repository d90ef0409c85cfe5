"""Encoders that transformers knows: the valid frames of a layer, averaged.

One recording at a time: with padded batches the group norm of wav2vec2-base lets batch-mates into
an embedding. Recordings over the window (30 s; AST and CLAP 10) are cut into equal parts.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType

import numpy as np
from safetensors import SafetensorError
from torch import Tensor

from datamodules.audio import fit_length
from serab.extractors.layered import ALL, LayeredExtractor, check_layer
from serab.extractors.loading import digest_weights, torch_device
from serab.extractors.transformers.families import FAMILIES
from serab.extractors.transformers.revisions import pin_revision, pinned_revision


class TransformersExtractor(LayeredExtractor):
    """The mean over the valid frames of one layer, or of the mean of all layers.

    Args:
        model: directory or id on the Hub.
        layer: index into the hidden states: 0 is what enters the first transformer layer, -1 what
            leaves the last; "mean" over all of them; or "all", side by side from one pass, of
            which the protocol chooses.
        revision: of the Hub's repository, best a commit; by default that of its first use here
            (`revisions`).
        name: for tables; the last part of `model` by default.
        device: "auto" takes a GPU where there is one.
        licence, trained_on: of the weights; kept with the results, not used.

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
        licence: str | None = None,
        trained_on: str | None = None,
    ):
        if model is None:
            raise ValueError("extractor.model: give a directory or an id on the Hugging Face Hub.")
        if str(model).startswith(("/", ".", "~")) and not Path(model).is_dir():
            raise ValueError(f"extractor.model={model}: no such directory.")
        transformers = _transformers()
        local = Path(model).is_dir()
        revision = revision or (None if local else pinned_revision(str(model)))
        source = {"revision": revision, "trust_remote_code": False}
        try:
            try:
                config = transformers.AutoConfig.from_pretrained(model, **source)
            except ValueError as error:  # such as one that brings code
                raise _cannot_load(model, error) from error
            if config.model_type not in FAMILIES:
                raise ValueError(
                    f"extractor.model={model}: is a {config.model_type}; expected one of "
                    f"{', '.join(FAMILIES)}."
                )
            self._features = transformers.AutoFeatureExtractor.from_pretrained(model, **source)
            loaded, report = transformers.AutoModel.from_pretrained(
                model, config=config, output_loading_info=True, **source
            )
        except ValueError as error:
            if "custom code" not in str(error):
                raise
            raise ValueError(
                f"extractor.model={model}: brings Python code of its own, which isn't run here; "
                "those models have extractors of their own, such as extractor=hub/dasheng_base."
            ) from error
        except UnpicklingError as error:
            raise ValueError(
                f"extractor.model={model}: its weights hold Python objects, which are refused "
                "unexecuted; use a model in safetensors."
            ) from error
        except (OSError, KeyError, RuntimeError, SafetensorError) as error:
            raise _cannot_load(model, error) from error
        # what a file lacks would be drawn at random; the mask embedding isn't used
        missing = sorted(k for k in report["missing_keys"] if "masked_spec_embed" not in k)
        if missing:
            raise ValueError(
                f"extractor.model={model}: its weights lack {len(missing)} entries of a "
                f"{config.model_type} (such as {missing[0]}); they are of another model."
            )
        device = torch_device(device)
        self._family, self._config = FAMILIES[config.model_type], config
        encoder = self._family.encoder(loaded)
        self._model, self._device = encoder.eval().to(device), device
        count = self._family.layers(config)
        self.layer = _checked_layer(layer, count, config.model_type)
        self.layers = tuple(range(count + 1)) if layer == ALL else ()
        self.sample_rate = self._features.sampling_rate
        self.window = round(self._family.window(self._features) * self.sample_rate)
        self.name = name or Path(model).name
        self.licence, self.trained_on = licence, trained_on
        self.revision = revision or getattr(config, "_commit_hash", None)
        if not local and self.revision is not None:
            pin_revision(str(model), self.revision)
        self._shortest = self._family.shortest(config)
        self._digest = digest_weights(encoder)
        self.fingerprint = self._fingerprint()

    def _fingerprint(self) -> str:
        return (
            f"{self._digest} {self.layer} {self._features.to_json_string()} "
            f"{self._config.model_type} {version('transformers')}"
        )

    def _frames(self, waveform: np.ndarray) -> list[Tensor]:
        """Valid frames (T, D) of at most a window, of each layer that is asked for."""
        samples = max(len(waveform), self._shortest)
        features = self._features(
            fit_length(waveform, samples),
            sampling_rate=self.sample_rate,
            return_tensors="pt",
            **dict(self._family.padding),
        ).to(self._device)
        output = self._model(**features, output_hidden_states=True, return_dict=True)
        # some families' last layer is there before their last norm
        hidden = (*output.hidden_states[:-1], output.last_hidden_state)
        return [
            self._family.frames(one, features, samples, self._config)
            for one in self._chosen(hidden)
        ]


def _cannot_load(model: str, error: Exception) -> ValueError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ValueError(
        f"extractor.model={model}: can't be loaded ({reason}); give a directory with config.json, "
        "preprocessor_config.json and model.safetensors, or an id on the Hub."
    )


def _checked_layer(layer: int | str, count: int, kind: str) -> int | str:
    if layer in ("mean", ALL) and kind == "clap":
        raise ValueError(
            f"extractor.layer={layer}: the layers of CLAP have different widths; give a number."
        )
    return check_layer(layer, count)


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
