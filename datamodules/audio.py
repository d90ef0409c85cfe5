"""Read speech: probe, decode and crop any format, always as one mono float channel."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import torch
from torchaudio.functional import resample as sinc_resample

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
RATES = (4_000, 192_000)
"""Sample rates (Hz) that speech comes in; outside of them a header is wrong."""

LOUDEST = 100.0
"""Floats are meant to stay within ±1 and may overshoot a little; integers can't."""

# libsndfile shortens a cut-off file to what is there and only notes it in its log
_CUT_OFF = re.compile(r"^ *data *: (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_SIZE = 0xFFFFF000  # what a streaming writer leaves in the header


class AudioError(ValueError):
    """A recording that can't be used; the message names the file, the cause and the way out."""


@dataclass(frozen=True)
class AudioInfo:
    """Header of a recording: frames (samples a channel), sample_rate (Hz), channels, subtype."""

    frames: int
    sample_rate: int
    channels: int
    subtype: str

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


def audio_info(path: str | Path) -> AudioInfo:
    """Check a recording's header.

    Raises:
        AudioError: missing, empty, cut off, not audio, over two channels or an impossible rate.
    """
    with _opened(path) as file:
        return AudioInfo(file.frames, file.samplerate, file.channels, file.subtype)


def probe_audio(path: str | Path) -> AudioInfo:
    """Check a recording as far as is cheap: header, last 0.1 s, and NaN where floats are stored.

    Raises:
        AudioError: as `audio_info`, and for a file that ends early or holds NaN or infinity.
    """
    info = audio_info(path)
    if info.subtype in ("FLOAT", "DOUBLE"):
        read_audio(path)
    else:
        tail = min(info.frames, info.sample_rate // 10)
        read_segment(path, info.frames - tail, tail)
    return info


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """Decode a whole recording.

    Returns:
        (waveform, sample_rate): float32 (samples,) in [-1, 1], channels averaged; rate in Hz.

    Raises:
        AudioError: see `audio_info`; also when fewer samples come than the header says, or NaN.
    """
    with _opened(path) as file:
        return _read(file, path, file.frames), file.samplerate


def read_segment(path: str | Path, start: int, frames: int) -> np.ndarray:
    """Decode `frames` samples from `start` without reading what lies before.

    Returns:
        float32 (frames,), channels averaged, at the file's own rate.

    Raises:
        AudioError: see `read_audio`.
    """
    with _opened(path) as file:
        if start:
            try:
                file.seek(start)
            except sf.LibsndfileError as error:
                raise _broken(path, f"it can't be read at sample {start} ({error})") from error
        return _read(file, path, frames)


def resample(waveform: np.ndarray, sample_rate: int, target_rate: int) -> np.ndarray:
    """Band-limited resampling (windowed sinc) of float32 (samples,) from and to rates in Hz."""
    if sample_rate == target_rate:
        return waveform
    return sinc_resample(torch.from_numpy(waveform), sample_rate, target_rate).numpy()


def fit_length(waveform: np.ndarray, length: int) -> np.ndarray:
    """Cut (samples,) to `length`, or pad it with zeros on both ends, the odd one at the end."""
    missing = length - len(waveform)
    if missing <= 0:
        return waveform[:length]
    return np.pad(waveform, (missing // 2, missing - missing // 2))


@contextmanager
def _opened(path: str | Path) -> Iterator[sf.SoundFile]:
    # the MP3 decoder talks on stderr, after a seek for example, of bits of the frame before
    chatty = Path(path).suffix.lower() == ".mp3"
    with _stderr_to_null() if chatty else nullcontext(), _open(path) as file:
        yield file


def _open(path: str | Path) -> sf.SoundFile:
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: no such file; check the path.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: empty (0 bytes); copy or download it again.")
    try:
        file = sf.SoundFile(path)
    except (sf.LibsndfileError, TypeError) as error:
        raise AudioError(
            f"{path}: not audio that can be decoded; expected one of {', '.join(SUFFIXES)}, "
            "convert it or remove it."
        ) from error
    problem = _header_problem(file) or _ogg_problem(file, path)
    if problem:
        file.close()
        raise AudioError(f"{path}: {problem}")
    return file


def _header_problem(file: sf.SoundFile) -> str | None:
    if file.frames <= 0:
        return "holds no samples; remove it or copy it again."
    if file.channels > 2:
        return f"has {file.channels} channels; expected mono or stereo, mix it down first."
    if not RATES[0] <= file.samplerate <= RATES[1]:
        return (
            f"its header says {file.samplerate} Hz; expected {RATES[0]} to {RATES[1]} Hz, "
            "correct the header or remove the file."
        )
    cut = _CUT_OFF.search(file.extra_info)
    if cut and int(cut[2]) < int(cut[1]) < _UNKNOWN_SIZE:
        return f"cut off ({cut[2]} of {cut[1]} bytes are there); copy or download it again."
    return None


_stderr_lock = threading.Lock()


@contextmanager
def _stderr_to_null() -> Iterator[None]:
    with _stderr_lock:
        saved = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(null)


def _ogg_problem(file: sf.SoundFile, path: Path) -> str | None:
    """The decoder takes the last page it finds for the end; a whole stream says that it ends."""
    if file.format != "OGG":
        return None
    with path.open("rb") as raw:
        raw.seek(max(0, path.stat().st_size - 65_536))
        tail = raw.read()
    page = tail.rfind(b"OggS")
    ends = page >= 0 and len(tail) > page + 27 and tail[page + 5] & 4
    if ends:
        segments = tail[page + 27 : page + 27 + tail[page + 26]]
        ends = len(tail) >= page + 27 + len(segments) + sum(segments)
    return None if ends else "cut off, its last page is missing; copy or download it again."


def _read(file: sf.SoundFile, path: str | Path, frames: int) -> np.ndarray:
    try:
        waveform = file.read(frames, dtype="float32", always_2d=True)
    except sf.LibsndfileError as error:
        raise _broken(path, f"decoding stops ({error})") from error
    if len(waveform) < frames:
        raise _broken(path, f"{len(waveform)} of {frames} samples could be read")
    waveform = waveform[:, 0] if waveform.shape[1] == 1 else waveform.mean(axis=1)
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path}: holds NaN or infinite samples; write the file again.")
    if len(waveform) and np.abs(waveform).max() > LOUDEST:
        raise AudioError(
            f"{path}: holds samples beyond ±{LOUDEST}; expected -1 to 1, scale it down."
        )
    return waveform


def _broken(path: str | Path, what: str) -> AudioError:
    return AudioError(f"{path}: cut off or damaged, {what}; copy or download it again.")
