"""Our encoders and the official BYOL-A and BYOL-S weights as extractors.

On a CPU utterances go through one by one, several at a time; on a GPU padded to batches. Either way
an embedding is that of the utterance alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from datamodules.prefetch import prefetch
from models.checkpoint import load_encoder
from models.compute.allocator import keep_freed_memory
from models.encoders import random_encoder
from models.frontend import LogMel
from models.inference import for_inference
from models.speech_encoder import SpeechEncoder
from serab.extractors.base import Extractor
from serab.extractors.loading import single_threaded_torch, torch_device
from serab.extractors.log_mels import KeptLogMels

NORMS = ("corpus", "pretraining")
GPU_BATCH = 64


class SpeechEncoderExtractor(Extractor):
    """A frozen encoder; the whole utterance at once.

    Args:
        model: the encoder.
        norm: "corpus", the released evaluation's (mean over utterances of the log-mel's mean and
            of its standard deviation, on the training part), or "pretraining" for the artefact's.
        name: for tables; the encoder's by default.
        device: "auto" takes a GPU where there is one.
        batch_size: utterances padded to one batch; by default 1 on a CPU and 64 on a GPU.

    Raises:
        ValueError: unknown norm, or a norm that the weights lack.
    """

    def __init__(
        self,
        model: SpeechEncoder,
        norm: str = "corpus",
        name: str | None = None,
        device: str = "auto",
        batch_size: int | None = None,
    ):
        if norm not in NORMS:
            raise ValueError(f"extractor.norm={norm}: expected one of {', '.join(NORMS)}.")
        if norm == "pretraining" and model.norm is None:
            raise ValueError(
                f"extractor.norm=pretraining: the weights of {model.name} hold no statistics; "
                "use extractor.norm=corpus."
            )
        keep_freed_memory()
        device = torch_device(device)
        on_cpu = torch.device(device).type == "cpu"
        alone = on_cpu or not model.takes_frames
        self.batch_size = batch_size or (1 if alone else GPU_BATCH)
        self.concurrent = on_cpu
        self.model = model.eval().to(device)
        self._encoder = for_inference(self.model.encoder)
        self.name = name or model.name
        self.sample_rate = model.sample_rate
        self.fingerprint = f"{model.fingerprint}-{norm}"
        self.norm = norm
        self._norm = model.norm if norm == "pretraining" else None
        self._kept = KeptLogMels()

    @property
    def needs_fit(self) -> bool:
        return self.norm == "corpus"

    def fit(self, train_waveforms: Iterable[np.ndarray]) -> SpeechEncoderExtractor:
        """Take the log-mel statistics of the training part, where norm is "corpus"."""
        if self.needs_fit:
            self._kept = KeptLogMels()  # of these waveforms, most of which are embedded next
            with single_threaded_torch():
                statistics = list(prefetch(self._statistics, train_waveforms))
            mean, std = np.mean(statistics, axis=0)
            self._norm = (float(mean), float(std))
        return self

    @torch.no_grad()
    def _statistics(self, waveform: np.ndarray) -> tuple[float, float]:
        log_mel = self._log_mel(waveform)
        if self.concurrent:  # a GPU has no memory to spare, and computes a log-mel in no time
            self._kept.add(waveform, log_mel)
        std, mean = torch.std_mean(log_mel)  # unbiased, as released
        return mean.item(), std.item()

    @torch.no_grad()
    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        if self._norm is None:
            raise ValueError(f"{self.name}: fit it on training waveforms first.")
        mean, std = self._norm
        log_mels = []
        for waveform in waveforms:
            log_mel = self._kept.take(waveform)
            log_mel = self._log_mel(waveform) if log_mel is None else log_mel
            log_mels.append((log_mel - mean) / std)
        embeddings = [
            self._encode(log_mels[start : start + self.batch_size])
            for start in range(0, len(log_mels), self.batch_size)
        ]
        return np.concatenate(embeddings).astype(np.float32)

    def _encode(self, log_mels: list[torch.Tensor]) -> np.ndarray:
        """(utterances, D) of log-mels (1, 1, F, T) of any lengths T."""
        if len(log_mels) == 1:
            return self._encoder(log_mels[0]).cpu().numpy()
        frames = [log_mel.shape[-1] for log_mel in log_mels]
        padded = [pad(log_mel, (0, max(frames) - log_mel.shape[-1])) for log_mel in log_mels]
        lengths = torch.tensor(frames, device=self.model.device)
        return self._encoder(torch.cat(padded), lengths).cpu().numpy()

    def state(self) -> dict[str, Any]:
        return {"norm": None if self._norm is None else list(self._norm)}

    def restore(self, state: dict[str, Any]) -> SpeechEncoderExtractor:
        self._norm = tuple(state["norm"])
        return self

    def _log_mel(self, waveform: np.ndarray) -> torch.Tensor:
        return self.model.log_mel(torch.from_numpy(waveform)[None].to(self.model.device))


class EncoderExtractor(SpeechEncoderExtractor):
    """An encoder with the weights of a file.

    Args:
        weights: run directory, artefact, training checkpoint or official weights, or the name of
            those that are downloaded (`models.weights.released`).
        encoder: the encoder to expect in it, or None for any.
        norm, name, device, batch_size: as `SpeechEncoderExtractor`.
        trust: import path of an architecture of your own that the weights may name, or its package.
        accept_licence: agrees, once, to the terms of weights that are for evaluation only.

    Raises:
        ValueError: no weights given, unknown norm, or a norm that the weights lack.
        models.files.CheckpointError: see `models.checkpoint.load_encoder`.
    """

    def __init__(
        self,
        weights: str | Path | None,
        encoder: str | None = None,
        norm: str = "corpus",
        name: str | None = None,
        device: str = "auto",
        batch_size: int | None = None,
        trust: str | None = None,
        accept_licence: bool = False,
    ):
        if weights is None:
            raise ValueError(
                "no encoder to evaluate: give ckpt=RUN_DIR_OR_FILE, or official weights by name, "
                "such as extractor=byol_s_512."
            )
        model = load_encoder(weights, encoder, trust=trust, accept_licence=accept_licence)
        super().__init__(model, norm, name, device, batch_size)


class RandomExtractor(SpeechEncoderExtractor):
    """The control: an encoder of the paper with random weights.

    Args:
        encoder: one of `models.encoders.ENCODERS`.
        seed: of the weights.
        name, device, batch_size: as `SpeechEncoderExtractor`.
    """

    def __init__(
        self,
        encoder: str,
        seed: int = 42,
        name: str | None = None,
        device: str = "auto",
        batch_size: int | None = None,
    ):
        model = random_encoder(encoder, seed)
        super().__init__(model, "corpus", name or f"random_{encoder}", device, batch_size)


class LiveExtractor(SpeechEncoderExtractor):
    """An encoder that is being trained, as it is now; training goes on with the one it was.

    Args:
        encoder, frontend: of the module in training, on its device.
    """

    def __init__(self, encoder: torch.nn.Module, frontend: torch.nn.Module):
        assert isinstance(frontend, LogMel)
        model = SpeechEncoder(copy.deepcopy(encoder), copy.deepcopy(frontend), None, "live")
        super().__init__(model, "corpus", None, str(next(encoder.parameters()).device), None)
