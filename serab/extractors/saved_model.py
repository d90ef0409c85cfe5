"""VGGish, YAMNet, TRILL and its followers from TensorFlow SavedModels (paper section 3, Table 2).

As the paper says, an utterance is cut into non-overlapping 0.96-s frames whose embeddings are
averaged. A frame is handed over with the 15 ms that its last analysis window reaches further, which
is how VGGish cuts by itself; what is left at the end of an utterance is dropped, as VGGish does,
and an utterance shorter than a frame is padded.

Loading a SavedModel runs its TensorFlow graph: load only models that you trust.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serab.extractors.base import Extractor
from serab.extractors.framing import FRAME, SAMPLE_RATE, padded, waveform_frames
from serab.extractors.loading import digest_files
from serab.extractors.published_model import model_folder

FRAMINGS = ("paper", "model")


@dataclass(frozen=True)
class Signature:
    """What a published model takes and gives.

    Attributes:
        handle: where TensorFlow Hub has it.
        embed_dim: width D, Table 2.
        gives: its output in words, for the error.
        embed: (model, waveform tensor (samples,)) -> (frames, D) or whatever the model gives.
    """

    handle: str
    embed_dim: int
    gives: str
    embed: Callable[[Any, Any], Any]


SIGNATURES = {
    "vggish": Signature(
        "https://tfhub.dev/google/vggish/1",
        128,
        "a tensor (frames, 128)",
        lambda model, waveform: model(waveform),
    ),
    "yamnet": Signature(
        "https://tfhub.dev/google/yamnet/1",
        1024,
        "scores (frames, 521), embeddings (frames, 1024) and a log-mel spectrogram",
        lambda model, waveform: _second_of_three(model(waveform)),
    ),
    "trill": Signature(
        "https://tfhub.dev/google/nonsemantic-speech-benchmark/trill/3",
        12_288,
        "a dictionary whose layer19 is (frames, 12288)",
        lambda model, waveform: model(samples=waveform, sample_rate=SAMPLE_RATE)["layer19"],
    ),
    "frill": Signature(
        "https://tfhub.dev/google/nonsemantic-speech-benchmark/frill/1",
        2048,
        "a dictionary whose embedding is (recordings, 2048)",
        lambda model, waveform: _inferred(model, waveform[None])["embedding"],
    ),
    "trillsson": Signature(
        "https://tfhub.dev/google/trillsson3/1",
        1024,
        "a dictionary whose embedding is (recordings, 1024)",
        lambda model, waveform: _inferred(model, waveform[None])["embedding"],
    ),
}
"""Closed vocabulary: the paper's three, and two that followed TRILL."""


class SavedModelExtractor(Extractor):
    """The mean over frames of one of the TensorFlow baselines.

    Args:
        kind: "vggish", "yamnet" or "trill"; or "frill" or "trillsson", any of its five sizes.
        model: a directory with the SavedModel, or a TensorFlow Hub handle, which downloads it.
        framing: "paper" for non-overlapping 0.96-s frames, or "model" to hand over the utterance
            whole, as the released evaluation does: YAMNet and TRILL then take overlapping frames.
        name: for tables; the kind by default.

    Raises:
        ValueError: TensorFlow is missing, no SavedModel there, or one of another signature.
    """

    def __init__(self, kind: str, model: str, framing: str = "paper", name: str | None = None):
        if kind not in SIGNATURES:
            raise ValueError(f"extractor.kind={kind}: expected one of {', '.join(SIGNATURES)}.")
        if framing not in FRAMINGS:
            raise ValueError(f"extractor.framing={framing}: expected one of {', '.join(FRAMINGS)}.")
        self.name, self.sample_rate, self.framing = name or kind, SAMPLE_RATE, framing
        self._signature = SIGNATURES[kind]
        self._tf = _tensorflow()
        folder = model_folder(model, self._signature.handle)
        try:
            self._model = self._tf.saved_model.load(str(folder))
        except Exception as error:  # TensorFlow raises a dozen kinds for damaged files
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise ValueError(
                f"{folder}: can't be loaded as a SavedModel ({reason[0]}); download "
                f"{self._signature.handle} again."
            ) from error
        self.fingerprint = f"{kind}-{framing}-{digest_files([folder])}"
        self._check(folder)

    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        frames = [waveform_frames(waveform), [padded(waveform)]][FRAMINGS.index(self.framing)]
        embeddings = np.concatenate([self._frames(frame) for frame in frames])
        if not len(embeddings):
            raise ValueError(
                f"{self.name}: gave no embedding for {len(waveform)} samples; use "
                "extractor.framing=paper."
            )
        return embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)

    def _frames(self, waveform: np.ndarray) -> np.ndarray:
        return self._signature.embed(self._model, self._tf.constant(waveform)).numpy()

    def _check(self, folder: Path) -> None:
        """One call, so that another model is refused before hours of extraction."""
        try:
            shape = tuple(self._frames(np.zeros(FRAME, np.float32)).shape)
        except Exception as error:  # whatever an unknown signature raises
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise ValueError(
                f"{folder}: isn't called as {self._signature.handle} is, which gives "
                f"{self._signature.gives} ({reason[0]})."
            ) from error
        if len(shape) != 2 or shape[1] != self._signature.embed_dim:
            raise ValueError(
                f"{folder}: gives {shape} where {self._signature.handle} gives "
                f"{self._signature.gives}."
            )


def _inferred(model: Any, recordings: Any) -> Any:
    """What a model gives; one that Keras saved has to be told that it isn't trained."""
    takes = inspect.signature(model.__call__).parameters
    return model(recordings, **({"training": False} if "training" in takes else {}))


def _second_of_three(outputs: Any) -> Any:
    _, embeddings, _ = outputs
    return embeddings


def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import tensorflow
    except ImportError as error:
        raise ValueError(
            f"VGGish, YAMNet, TRILL and its followers need TensorFlow ({error}); run "
            "pip install tensorflow==2.21.0."
        ) from error
    return tensorflow
