"""YAMNet from its .tflite: the 1,024 values before the classifier, without TensorFlow.

As with the SavedModels, an utterance is cut into non-overlapping 0.96-s frames whose embeddings are
averaged (paper section 3). The published file gives class scores, so the values in front of them
are read by their tensor's name.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from serab.extractors.base import Extractor
from serab.extractors.framing import FRAME, SAMPLE_RATE, waveform_frames
from serab.extractors.loading import digest_files

EMBEDDING = "yamnet_frames/global_average_pooling2d/Mean"
"""Tensor in front of YAMNet's classifier."""
WIDTH = 1024
SOURCE = "https://tfhub.dev/google/lite-model/yamnet/tflite/1"


class YamnetTfliteExtractor(Extractor):
    """The mean over 0.96-s frames of YAMNet's embedding.

    Args:
        model: yamnet.tflite, with one input of 15,600 samples.
        name: for tables.

    Raises:
        ValueError: ai-edge-litert is missing, no such file, damaged, or another model.
    """

    def __init__(self, model: str, name: str = "yamnet_tflite"):
        self.name, self.sample_rate = name, SAMPLE_RATE
        path = Path(model).expanduser()
        if not path.is_file():
            raise ValueError(
                f"extractor.model={model}: no such file; download YAMNet's .tflite from {SOURCE} "
                "and give its path."
            )
        self._interpreter = _interpreter(path)
        inputs = self._interpreter.get_input_details()
        tensors = {each["name"]: each for each in self._interpreter.get_tensor_details()}
        embedding = tensors.get(EMBEDDING)
        shapes = [tuple(each["shape"]) for each in inputs]
        if shapes not in ([(1, FRAME)], [(FRAME,)]) or embedding is None:
            raise ValueError(
                f"extractor.model={path}: takes {shapes} and has "
                f"{'a' if embedding else 'no'} tensor {EMBEDDING}; expected YAMNet's .tflite, one "
                f"frame of {FRAME} samples in, from {SOURCE}."
            )
        self._input, self._shape = inputs[0]["index"], shapes[0]
        self._embedding = embedding["index"]
        width = self._frame(np.zeros(FRAME, np.float32)).shape
        if width != (WIDTH,):
            raise ValueError(
                f"extractor.model={path}: {EMBEDDING} is of shape {width}, expected ({WIDTH},)."
            )
        self.fingerprint = f"yamnet-tflite-{digest_files([path])}"

    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        embeddings = [self._frame(frame) for frame in waveform_frames(waveform)]
        return np.stack(embeddings).astype(np.float64).mean(axis=0).astype(np.float32)

    def _frame(self, frame: np.ndarray) -> np.ndarray:
        self._interpreter.set_tensor(self._input, frame.reshape(self._shape))
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._embedding).reshape(-1).copy()


def _interpreter(path: Path) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise ValueError(
            f"extractor=yamnet_tflite needs ai-edge-litert ({error}); run "
            "pip install ai-edge-litert==2.3.0."
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # keeping all tensors takes memory: a few MB here
            interpreter = Interpreter(
                str(path),
                experimental_preserve_all_tensors=True,
                # the default delegate fuses layers, and what lies between them is then not there
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                num_threads=1,
            )
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"extractor.model={path}: can't be loaded as a .tflite ({reason}); download it again "
            f"from {SOURCE}."
        ) from error
    return interpreter
