"""An encoder as one ONNX file: waveforms of any length and number in, embeddings out.

It needs the extra `onnx` to be written, and onnxruntime alone to be used:

    session = onnxruntime.InferenceSession("encoder.onnx")
    (embedding,) = session.run(None, {"waveform": waveform})  # float32 (B, S) -> (B, D)
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from models.files import write_whole
from models.frontend import EPS, LogMel
from models.inference import for_inference
from models.speech_encoder import SpeechEncoder

OPSET = 18
BATCH, SAMPLES = "batch", "samples"
"""Names of the free axes."""
TOLERANCE = 1e-4
"""What `export_onnx` accepts between onnxruntime and torch, relative to the largest value."""
PROBES = ((1, 0.0), (2, 0.95), (1, 3.3))
"""Batch sizes and seconds at which it holds one against the other; 0 is a single sample."""


class ConvolvedLogMel(nn.Module):
    """`LogMel` as one convolution, for runtimes whose Fourier transform is slow or missing.

    The kernels are the windowed cosines and sines of the FFT's bins that a mel band uses; the
    window's zeros beside its `win_length` samples are left out.
    """

    kernels: Tensor
    mel: Tensor

    def __init__(self, frontend: LogMel):
        super().__init__()
        arguments = frontend.arguments
        n_fft, length = arguments["n_fft"], arguments["win_length"]
        self.hop_length = arguments["hop_length"]
        self.pad = n_fft // 2
        self.start = (n_fft - length) // 2
        mel = frontend.get_buffer("mel.mel_scale.fb").double()  # (bins, F)
        used = torch.nonzero(mel.sum(1)).flatten()
        sample = torch.arange(self.start, self.start + length, dtype=torch.float64)
        angle = 2 * torch.pi / n_fft * used[:, None].double() * sample
        # its float32 edges are far from exact
        window = frontend.get_buffer("mel.spectrogram.window").double()
        kernels = torch.cat([angle.cos(), angle.sin()]) * window
        self.register_buffer("kernels", kernels[:, None].float())
        self.register_buffer("mel", mel[used].T.contiguous().float())
        self.trim = n_fft - length - self.start

    def forward(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B 1 F T"]:
        padded = nn.functional.pad(waveform[:, None], (self.pad, self.pad), mode="reflect")
        inner = padded[..., self.start : padded.shape[-1] - self.trim]
        parts = nn.functional.conv1d(inner, self.kernels, stride=self.hop_length).square()
        cosines, sines = parts.chunk(2, dim=1)
        log_mel = (torch.matmul(self.mel, cosines + sines) + EPS).log()
        return rearrange(log_mel, "b f t -> b 1 f t")


class WaveformEncoder(nn.Module):
    """Front end, norm and encoder as one graph."""

    def __init__(self, encoder: SpeechEncoder, norm: tuple[float, float]):
        super().__init__()
        hop_length, n_fft = encoder.frontend.hop_length, encoder.frontend.n_fft
        self.min_samples = (encoder.min_frames * hop_length, n_fft // 2 + 1)
        self.frontend = ConvolvedLogMel(encoder.frontend)
        self.mean, self.std = norm
        self.encoder = for_inference(encoder.encoder)

    def forward(self, waveform: Float[Tensor, "B S"]) -> Float[Tensor, "B D"]:
        # encoder and front end each centre what is too short for them; a branch would be traced
        # away, so the padding of longer waveforms has length zero
        for least in self.min_samples:
            missing = torch.sym_max(least - waveform.shape[1], 0)
            waveform = nn.functional.pad(waveform, (missing // 2, missing - missing // 2))
        return self.encoder((self.frontend(waveform) - self.mean) / self.std)


def export_onnx(
    encoder: SpeechEncoder, path: str | Path, norm: tuple[float, float] | None = None
) -> float:
    """Write an encoder as ONNX, after onnxruntime has been held against torch.

    The file's input "waveform" is float32 (B, S) in [-1, 1] at `encoder.sample_rate`, any B and S
    of at least 1; its output "embedding" is float32 (B, D). Its metadata say the encoder's name,
    sample rate, norm and fingerprint.

    Args:
        encoder: from `load_encoder`.
        path: of the file to write, whole or not at all.
        norm: mean and standard deviation of the log-mels; by default those of pre-training.

    Returns:
        The largest difference to torch found, relative to the largest value.

    Raises:
        ValueError: no norm, one that isn't finite or of a std that isn't positive, or an embedding
            that differs by more than `TOLERANCE`.
        OSError: the extra isn't installed, or the file can't be written.
    """
    norm = norm or encoder.norm
    if norm is None:
        raise ValueError(
            f"{encoder.name}: these weights come without normalisation statistics; give --norm "
            "MEAN STD of your log-mels."
        )
    if not (math.isfinite(norm[0]) and math.isfinite(norm[1]) and norm[1] > 0):
        raise ValueError(
            f"--norm {norm[0]:g} {norm[1]:g}: expected MEAN STD of your log-mels, finite and the "
            "standard deviation above 0."
        )
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  torch's exporter needs it
    except ImportError as error:
        raise OSError(
            f"{error.name} is not installed; it comes with: pip install onnx onnxscript onnxruntime"
        ) from error
    path = _writable(Path(path))
    model = _traced(WaveformEncoder(encoder, norm).eval()).model_proto
    about = {
        "name": encoder.name,
        "embed_dim": str(encoder.embed_dim),
        "sample_rate": str(encoder.sample_rate),
        "norm": f"{norm[0]} {norm[1]}",
        "fingerprint": encoder.fingerprint,
    }
    onnx.helper.set_model_props(model, about)
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def embed(waveform: np.ndarray) -> np.ndarray:
        (embedding,) = session.run(None, {"waveform": waveform})
        return embedding

    difference = max(_difference(encoder, norm, embed, *shape) for shape in PROBES)
    if not difference <= TOLERANCE:
        raise ValueError(
            f"{encoder.name}: onnxruntime's embeddings differ from torch's by {difference:.1e} of "
            f"the largest value, expected at most {TOLERANCE}; nothing was written."
        )
    try:
        write_whole(path, content)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return difference


def _traced(graph: WaveformEncoder) -> torch.onnx.ONNXProgram:
    """The graph as an ONNX model, batch and time free."""
    # long enough that no stage sees a single frame, which torch.export would take for a constant
    example = torch.zeros(2, 40 * max(graph.min_samples))
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                graph,
                (example,),
                input_names=["waveform"],
                output_names=["embedding"],
                dynamic_shapes=({0: BATCH, 1: SAMPLES},),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        quiet.setLevel(level)
    assert program is not None  # by the new exporter
    return program


def _difference(
    encoder: SpeechEncoder,
    norm: tuple[float, float],
    embed: Callable[[np.ndarray], np.ndarray],
    batch: int,
    seconds: float,
) -> float:
    """Of `embed`, the exported graph, to torch on noise."""
    generator = torch.Generator().manual_seed(0)
    samples = max(1, round(seconds * encoder.sample_rate))
    waveform = 0.1 * torch.randn(batch, samples, generator=generator)
    expected = encoder.embed(waveform, encoder.sample_rate, norm).cpu().numpy()
    got = embed(waveform.numpy())
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def _writable(path: Path) -> Path:
    """The path, once its folder is there: before the minute that tracing may take."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def _cannot_write(path: Path, error: OSError) -> OSError:
    return OSError(
        f"{path}: can't be written ({error.strerror}); make room or choose another --out."
    )
