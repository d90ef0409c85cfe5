"""Probe, read and crop: a file is examined once, and all three go by what was found."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import soundfile as sf

from datamodules.audio import chunks, ffmpeg
from datamodules.audio.containers import check_container
from datamodules.audio.decoding import decode_part, part_info, stderr_to_null
from datamodules.audio.flac import flac_parts
from datamodules.audio.kinds import CONTAINERS, FFMPEG, LFS, SUFFIXES, id3_length, kind_of
from datamodules.audio.mp3 import first_frame, mp3_parts
from datamodules.audio.ogg import ogg_parts
from datamodules.audio.parts import LOUDEST, RATES, AudioError, AudioInfo, Fault, Part

T = TypeVar("T")

_PARTS: dict[str, Callable[[BinaryIO, int], list[Part]]] = {
    "WAV": chunks.wav_parts,
    "W64": chunks.w64_parts,
    "AIFF": chunks.aiff_parts,
    "AU": chunks.au_parts,
    "SPHERE": chunks.sphere_parts,
    "CAF": chunks.caf_parts,
    "Ogg": ogg_parts,
}


@dataclass(frozen=True)
class Examined:
    """A file whose parts are all there; `info` sums them up. Without parts it is PyAV's."""

    path: Path
    size: int
    kind: str | None
    parts: tuple[Part, ...]
    part_frames: tuple[int, ...]
    info: AudioInfo


def audio_info(path: str | Path) -> AudioInfo:
    """Check that a recording is whole, as far as its format tells.

    Raises:
        AudioError: missing, empty, cut off, damaged where the format has checksums, not audio,
            over two channels or an impossible rate.
    """
    return _examine(Path(path)).info


def probe_audio(path: str | Path) -> AudioInfo:
    """Check a recording as far as is cheap: `audio_info`, its last 0.1 s, and floats for NaN.

    Raises:
        AudioError: as `read_audio`.
    """
    examined = _examine(Path(path))
    info = examined.info
    if info.subtype in ("FLOAT", "DOUBLE"):
        read_audio(path)
    elif examined.parts:
        tail = min(info.frames, info.sample_rate // 10)
        _decode(examined, info.frames - tail, tail)
    return info


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """Decode a whole recording.

    Returns:
        (waveform, sample_rate): float32 (samples,) in [-1, 1], channels averaged; rate in Hz.

    Raises:
        AudioError: see `audio_info`; also when fewer samples come than the header says, or NaN.
    """
    path = Path(path)
    examined = _examine(path, count=False)
    if not examined.parts:
        waveform = _named(path, lambda: ffmpeg.decode(path))
        return _mono(path, waveform), examined.info.sample_rate
    return _decode(examined, 0, examined.info.frames), examined.info.sample_rate


def read_segment(path: str | Path, start: int, frames: int) -> np.ndarray:
    """Decode `frames` samples from `start` without decoding what lies before.

    Returns:
        float32 (frames,), channels averaged, at the file's own rate.

    Raises:
        AudioError: see `read_audio`.
    """
    return _decode(_examine(Path(path), count=False), start, frames)


def _examine(path: Path, count: bool = True) -> Examined:
    """What a file is; `count`: also the length of those that only decoding tells."""
    try:
        status = path.stat()
        if not path.is_file():
            raise FileNotFoundError
        if status.st_size == 0:
            raise AudioError(f"{path}: empty (0 bytes); copy or download it again.")
        return _examined(path, status.st_size, status.st_mtime_ns, count)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioError(f"{path}: no such file; check the path.") from error
    except OSError as error:
        advice = (
            "give yourself the right to read it"
            if error.errno in (errno.EACCES, errno.EPERM)
            else "check the disk and copy it again"
        )
        raise AudioError(f"{path}: unreadable ({error.strerror}); {advice}.") from error


@lru_cache(maxsize=4096)
def _examined(path: Path, size: int, modified: int, count: bool) -> Examined:
    with path.open("rb") as file:
        head = file.read(4096)
        tag = id3_length(head)
        if tag:
            file.seek(tag)
        kind = kind_of(file.read(64) if tag else head) or ("MP3" if tag else None)
        if kind == LFS:
            raise AudioError(
                f"{path}: a git-lfs pointer, not the recording; fetch it with 'git lfs pull'."
            )
        if kind in FFMPEG:
            _named(path, lambda: check_container(file, kind))
            return _by_ffmpeg(path, size, kind, count)
        parts = _named(path, lambda: _parts(file, size, kind, tag))
        if kind is None and (start := first_frame(file)) is not None and parts[0].is_file(size):
            with suppress(Fault):  # else libsndfile may know it
                parts = mp3_parts(file, start, size)
    by_mpg123 = kind in ("MP3", None) or (kind == "WAV" and parts[0].start > 0)
    with stderr_to_null() if by_mpg123 else nullcontext():
        try:
            infos = [part_info(path, part, size) for part in parts]
        except (sf.LibsndfileError, TypeError) as error:
            # FFmpeg conceals what is damaged in FLAC and MP3, and libsndfile knows all of both
            coded = kind not in (None, "FLAC", "MP3")
            if ffmpeg.installed() and (coded or path.suffix.lower() in CONTAINERS):
                return _by_ffmpeg(path, size, kind, count)
            raise _no_audio(path, kind) from error
    info = _sum(path, infos)
    return Examined(path, size, kind, tuple(parts), tuple(i.frames for i in infos), info)


def _parts(file: BinaryIO, size: int, kind: str | None, tag: int) -> list[Part]:
    if kind == "MP3":
        return mp3_parts(file, 0, size)
    if kind == "FLAC":
        return flac_parts(file, size, tag)
    return _PARTS[kind](file, size) if kind in _PARTS else [Part(0, size)]


def _by_ffmpeg(path: Path, size: int, kind: str | None, count: bool) -> Examined:
    info = _named(path, lambda: ffmpeg.info(path, count))
    _check(path, info, info.frames if count else 1)
    return Examined(path, size, kind, (), (), info)


def _sum(path: Path, infos: list[AudioInfo]) -> AudioInfo:
    first = infos[0]
    for info in infos:
        _check(path, info, info.frames)
        if info.sample_rate != first.sample_rate:
            raise AudioError(
                f"{path}: {len(infos)} recordings one after the other, of {first.sample_rate} and "
                f"{info.sample_rate} Hz; take them apart or resample them to one rate."
            )
    channels = max(info.channels for info in infos)
    return AudioInfo(sum(i.frames for i in infos), first.sample_rate, channels, first.subtype)


def _check(path: Path, info: AudioInfo, frames: int) -> None:
    if frames <= 0:
        raise AudioError(f"{path}: holds no samples; remove it or copy it again.")
    if info.channels > 2:
        raise AudioError(
            f"{path}: has {info.channels} channels; expected mono or stereo, mix it down first."
        )
    if not RATES[0] <= info.sample_rate <= RATES[1]:
        raise AudioError(
            f"{path}: its header says {info.sample_rate} Hz; expected {RATES[0]} to {RATES[1]} Hz, "
            "correct the header or remove the file."
        )


def _no_audio(path: Path, kind: str | None) -> AudioError:
    if kind is None:
        return AudioError(
            f"{path}: not audio that can be decoded; expected one of {', '.join(SUFFIXES)}, "
            "convert it or remove it."
        )
    if kind in ("FLAC", "MP3"):
        return AudioError(f"{path}: damaged, {kind} that can't be decoded; copy it again.")
    return AudioError(
        f"{path}: {kind} whose coding can't be decoded; {ffmpeg.ADVICE}, or convert it to WAV or "
        "FLAC."
    )


def _decode(examined: Examined, start: int, frames: int) -> np.ndarray:
    path, stop = examined.path, start + frames
    pieces: list[np.ndarray] = []
    if not examined.parts:
        pieces = [_mono(path, _named(path, lambda: ffmpeg.decode(path, start, frames)))]
    offset = 0
    with stderr_to_null() if "MPEG" in examined.info.subtype else nullcontext():
        for part, length in zip(examined.parts, examined.part_frames, strict=True):
            first, last = max(start, offset) - offset, min(stop, offset + length) - offset
            offset += length
            if first < last:
                decode = partial(decode_part, path, part, examined.size, first, last - first)
                pieces.append(_mono(path, _named(path, decode)))
                if len(pieces[-1]) < last - first:
                    break
    waveform = pieces[0] if len(pieces) == 1 else np.concatenate([np.zeros(0, "f4"), *pieces])
    if len(waveform) < frames:
        raise AudioError(
            f"{path}: cut off or damaged, {len(waveform)} of {frames} samples could be read; copy "
            "or download it again."
        )
    return waveform


def _mono(path: Path, waveform: np.ndarray) -> np.ndarray:
    mono = waveform[:, 0] if waveform.shape[1] == 1 else waveform.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds NaN or infinite samples; write the file again.")
    if len(mono) and np.abs(mono).max() > LOUDEST:
        raise AudioError(
            f"{path}: holds samples beyond ±{LOUDEST}; expected -1 to 1, scale it down."
        )
    return mono


def _named(path: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except Fault as fault:
        raise AudioError(f"{path}: {fault}") from fault
