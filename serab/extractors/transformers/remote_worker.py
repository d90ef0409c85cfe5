"""The process in which a model's own code runs: waveforms in, embeddings out, as plain bytes."""

from __future__ import annotations

import json
from importlib.metadata import version
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

FBANK_MEAN, FBANK_STD = -4.268, 4.569
"""Of AudioSet's filter banks, by which EAT and SSLAM normalise: (x - mean) / (2 std)."""
FBANK_FRAMES, PATCH = 1024, 16
"""The longest that they take at once (10.24 s), and the frames of a patch, whose multiple it is."""
SHORTEST = 400
INPUTS = ("feature_extractor", "fbank")
"""A feature extractor of its own (Dasheng), or Kaldi's filter bank and `extract_features`."""


def serve(
    connection: Connection, model: str, revision: str | None, inputs: str, device: str
) -> None:
    """Answer until the other end hangs up; an error is an answer."""
    embedder = None
    while True:
        try:
            request = json.loads(connection.recv_bytes())
            content = connection.recv_bytes() if request["do"] == "embed" else b""
        except EOFError:
            return
        try:
            if request["do"] == "load":
                embedder = _Embedder(model, revision, inputs, device)
                connection.send_bytes(b"{}")
            elif request["do"] == "versions":
                versions = f"transformers {version('transformers')}, torch {version('torch')}"
                connection.send_bytes(json.dumps({"versions": versions}).encode())
            else:
                assert embedder is not None
                embedding = embedder.embed(np.frombuffer(content, dtype=np.float32).copy())
                connection.send_bytes(b"{}")
                connection.send_bytes(embedding.astype(np.float32).tobytes())
        except Exception as error:  # a stranger's code raises anything
            reason = (str(error).strip().splitlines() or [""])[0]
            message = f"its code ended in {type(error).__name__} ({reason[:300]})"
            connection.send_bytes(json.dumps({"error": message}).encode())


class _Embedder:
    def __init__(self, model: str, revision: str | None, inputs: str, device: str):
        import torch
        import transformers

        torch.manual_seed(0)
        source: dict[str, Any] = {"revision": revision, "trust_remote_code": True}
        loaded = transformers.AutoModel.from_pretrained(model, **source)
        self._model, self._device = loaded.eval().to(device), device
        self._features = None
        if inputs == "feature_extractor":
            self._features = transformers.AutoFeatureExtractor.from_pretrained(model, **source)

    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """(D,) of float32 (samples,) at 16 kHz; longer ones in equal parts of up to 10 s."""
        import torch

        count = max(1, -(-len(waveform) // (FBANK_FRAMES * 160)))
        with torch.no_grad():
            parts = [self._frames(torch.from_numpy(p)) for p in np.array_split(waveform, count)]
        return torch.cat(parts).mean(0).float().cpu().numpy()

    def _frames(self, waveform: Any) -> Any:
        """Frames (T, D) of one part."""
        import torch

        waveform = torch.nn.functional.pad(waveform, (0, max(0, SHORTEST - len(waveform))))
        if self._features is not None:
            features = self._features(
                waveform.numpy(), sampling_rate=16_000, return_tensors="pt"
            ).to(self._device)
            output = self._model(**features)
            frames = getattr(output, "last_hidden_state", None)
            frames = output.hidden_states if frames is None else frames  # Dasheng's
            return frames[-1][0] if isinstance(frames, tuple) else frames[0]
        from torchaudio.compliance.kaldi import fbank

        bank = fbank(
            (waveform - waveform.mean())[None],
            htk_compat=True,
            sample_frequency=16_000,
            use_energy=False,
            window_type="hanning",
            num_mel_bins=128,
            dither=0.0,
            frame_shift=10,
        )
        bank = (bank - FBANK_MEAN) / (2 * FBANK_STD)
        bank = torch.nn.functional.pad(bank, (0, 0, 0, -len(bank) % PATCH))
        output = self._model.extract_features(bank[None, None].to(self._device))
        return output[0, 1:]  # the first token is of the class
