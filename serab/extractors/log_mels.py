"""Log-mels that fitting has computed, kept until the same waveforms are embedded."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
from torch import Tensor

MAX_BYTES = 2**27
"""134 MB, 87 minutes of speech; what finds no room is computed again."""


class KeptLogMels:
    """By the content of their waveforms, each until it is taken; threads may share it."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Tensor] = {}
        self._room = MAX_BYTES
        self._lock = threading.Lock()

    def add(self, waveform: np.ndarray, log_mel: Tensor) -> None:
        """Keep the log-mel of a waveform, if there is room."""
        if log_mel.nbytes > self._room:
            return
        key = _digest(waveform)
        with self._lock:
            if key not in self._kept and log_mel.nbytes <= self._room:
                self._kept[key] = log_mel
                self._room -= log_mel.nbytes

    def take(self, waveform: np.ndarray) -> Tensor | None:
        """The log-mel of a waveform, which isn't kept any longer, or None."""
        if not self._kept:
            return None
        key = _digest(waveform)
        with self._lock:
            log_mel = self._kept.pop(key, None)
            self._room += 0 if log_mel is None else log_mel.nbytes
        return log_mel


def _digest(waveform: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(waveform).data).digest()
