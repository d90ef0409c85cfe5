"""PyAV (FFmpeg) decodes what libsndfile can't: MP4, Matroska, WMA, AMR and their like.

An optional dependency. The first audio track is read. Most of these containers say how long they
are, so one that was cut off is told by what comes out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datamodules.audio.parts import AudioInfo, Fault

if TYPE_CHECKING:
    import av

log = logging.getLogger(__name__)

ADVICE = "install PyAV to read it (pip install av)"

_SAYS_LENGTH = ("mov", "matroska", "asf", "avi", "caf")  # others estimate it from the bit rate
_TOLERANCE = 0.25  # s, what encoders add and decoders take away
_GAP = 0.1  # s between frames, where packets are lost
_PREROLL, _FAR = 2.0, 30.0  # s before a crop, and from where on it is sought
_SCALES = {"u8": 1 / 128, "s16": 1 / 32768, "s32": 1 / 2**31, "s64": 1 / 2**63}


def installed() -> bool:
    """Whether PyAV is there."""
    return find_spec("av") is not None


def info(path: Path, count: bool) -> AudioInfo:
    """What the first audio track is; with `count` its length, found by decoding all of it.

    Raises:
        Fault: no PyAV, no audio track, encrypted, cut off or damaged, another rate in mid-file.
    """
    frames = sum(block.shape[1] for _, block in _blocks(path)) if count else 0
    with _open(path) as (container, stream):
        if count and len(container.streams.audio) > 1:
            tracks = len(container.streams.audio)
            log.warning("%s: has %d audio tracks; the first is read.", path, tracks)
        codec = stream.codec_context
        return AudioInfo(frames, codec.sample_rate, codec.channels, codec.name.upper())


def decode(path: Path, start: int = 0, frames: int | None = None) -> np.ndarray:
    """float32 (up to `frames`, channels) from sample `start` of the first audio track.

    Raises:
        Fault: as `info`.
    """
    blocks = []
    offset, stop = 0, None if frames is None else start + frames
    for position, block in _blocks(path, start):
        offset = position
        first = max(0, start - offset)
        last = None if stop is None else max(0, stop - offset)
        blocks.append(block[:, first:last])
        if stop is not None and offset + block.shape[1] >= stop:
            break
    return np.concatenate(blocks, axis=1).T if blocks else np.zeros((0, 1), np.float32)


def _blocks(path: Path, start: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """(position in samples, float32 (channels, samples)) of each decoded frame up to the end.

    Begins near `start` where the frames' times tell their position exactly, else at 0.
    """
    with _open(path) as (container, stream):
        if start > _FAR * stream.codec_context.sample_rate:
            near = list(_first_frames(container, stream))
            rate = near[0].sample_rate if near else 1
            target = int((start / rate - _PREROLL) / stream.time_base)
            container.seek(target + (stream.start_time or 0), stream=stream)
            position = None
            for frame in _frames(container, stream):
                if position is None:
                    position = _position(frame, near)
                    if position is None or position > start:
                        break  # can't be told: from the beginning
                yield position, _samples(frame)
                position += frame.samples
            else:
                return
    with _open(path) as (container, stream):
        position = 0
        for frame in _frames(container, stream):
            yield position, _samples(frame)
            position += frame.samples


@contextmanager
def _open(path: Path) -> Iterator[tuple[av.container.InputContainer, av.AudioStream]]:
    if not installed():
        raise Fault(f"a format that libsndfile doesn't read; {ADVICE}.")
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.audio:
                kind = "a video without sound" if container.streams.video else "holds no audio"
                raise Fault(f"{kind}; remove it.")
            stream = container.streams.audio[0]
            if stream.codec_context is None or not stream.codec_context.sample_rate:
                raise Fault("its audio track has a coding that FFmpeg doesn't know; convert it.")
            stream.thread_type = "SLICE"  # processes are the parallel unit here
            yield container, stream
    except av.error.FFmpegError as error:
        reason = error.strerror or type(error).__name__
        raise Fault(
            f"cut off, damaged or not audio, FFmpeg says: {reason}; copy or download it again."
        ) from error
    except (ValueError, UnicodeError, OverflowError) as error:
        raise Fault(f"damaged, FFmpeg can't read it ({error}); copy it again.") from error


def _frames(
    container: av.container.InputContainer, stream: av.AudioStream
) -> Iterator[av.AudioFrame]:
    """Decoded frames up to the end, which must be where the container says."""
    first, last_end, until, begun = None, 0.0, 0.0, False
    for packet in container.demux():
        if packet.is_corrupt:
            raise Fault("cut off in the middle of a packet; copy or download it again.")
        if packet.pts is not None and packet.duration and packet.time_base:
            last_end = max(last_end, float((packet.pts + packet.duration) * packet.time_base))
        if packet.stream is None or packet.stream.index != stream.index:
            continue
        for frame in stream.codec_context.decode(packet if packet.size else None):
            assert isinstance(frame.sample_rate, int)
            kind = (frame.sample_rate, len(frame.layout.channels))
            first = first or kind
            if kind != first:
                before, after = (f"{rate} Hz with {n} channels" for rate, n in (first, kind))
                raise Fault(f"changes from {before} to {after} in mid-file; convert it to one.")
            at = (
                until
                if frame.pts is None or not frame.time_base
                else float(frame.pts * frame.time_base)
            )
            if begun and at - until > _GAP:
                raise Fault(
                    f"damaged, {at - until:.2f} s are missing at {until:.2f} s; copy or download "
                    "it again."
                )
            until, begun = at + frame.samples / frame.sample_rate, True
            if frame.samples:
                yield frame
    if not container.format.name.startswith(_SAYS_LENGTH):
        return
    if stream.duration:
        promised = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
        there = until
    else:
        promised, there = (container.duration or 0) / 1e6, max(last_end, until)
    if there < promised - _TOLERANCE:
        raise Fault(
            f"cut off, {there:.2f} s of {promised:.2f} s could be read; copy or download it again."
        )


def _first_frames(
    container: av.container.InputContainer, stream: av.AudioStream
) -> Iterator[av.AudioFrame]:
    for number, frame in enumerate(_frames(container, stream)):
        yield frame
        if number == 2:
            break


def _position(frame: av.AudioFrame, near: list[av.AudioFrame]) -> int | None:
    """Sample at which a frame begins, by its time and the frames at the beginning."""
    if frame.pts is None or len(near) < 3 or near[0].pts is None:
        return None
    rate, size = frame.sample_rate, near[1].samples
    exact = (frame.pts - near[0].pts) * frame.time_base * rate
    if exact.denominator == 1 and frame.time_base.denominator % rate == 0:
        return int(exact)
    if not near[2].samples == frame.samples == size:
        return None
    number = round((exact - near[0].samples) / size)
    snapped = near[0].samples + number * size
    return snapped if abs(snapped - exact) <= rate / 1000 + 1 else None


def _samples(frame: av.AudioFrame) -> np.ndarray:
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, len(frame.layout.channels)).T
    name = frame.format.name.removesuffix("p")
    if name == "u8":
        values = values.astype(np.float32) - 128
    return np.ascontiguousarray(values * np.float32(_SCALES.get(name, 1)), np.float32)
