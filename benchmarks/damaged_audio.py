"""What reading does with damaged audio: thousands of mutations of small whole files, counted.

Each mutated file is probed and read in one long-lived process under a limit of memory and time:

- clean: refused in one sentence that names the file,
- unchanged: read, sample for sample as the whole file (metadata and padding can be damaged so),
- other length or other samples: read, and silently different (only FLAC and Ogg have checksums
  over their audio; the others can't tell altered samples),
- unhandled: any other exception, too long or too much memory.

    python benchmarks/damaged_audio.py [--each 60] [--seed 0] [--folder DIR]

`--folder`: files to damage beside those that the script makes, one of each ending.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf

sys.path.insert(0, str(Path(__file__).parents[1]))

from datamodules.audio import AudioError, probe_audio, read_audio


def speech(seconds: float, rate: int) -> np.ndarray:
    """A gliding tone with pauses and noise, float32 (samples,)."""
    generator = np.random.default_rng(0)
    time_ = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(150 + 40 * np.sin(5 * time_)) / rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 9)) * (0.5 + 0.5 * np.sin(9 * time_))
    return (0.1 * tone + generator.normal(0, 0.003, len(time_))).astype(np.float32)


def whole_files(folder: Path) -> list[Path]:
    """One small file of each format that can be written here."""
    waveform, files = speech(2.5, 16_000), []
    formats = {
        "wav": ("WAV", "PCM_16"), "float.wav": ("WAV", "FLOAT"), "flac": ("FLAC", "PCM_16"),
        "mp3": ("MP3", None), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"),
        "aiff": ("AIFF", "PCM_16"), "au": ("AU", "PCM_16"), "w64": ("W64", "PCM_16"),
        "rf64": ("RF64", "PCM_16"), "caf": ("CAF", "PCM_16"), "gsm.wav": ("WAV", "GSM610"),
        "adpcm.wav": ("WAV", "IMA_ADPCM"), "sph": ("NIST", "PCM_16"),
    }  # fmt: skip
    for name, (container, subtype) in formats.items():
        path = folder / f"whole.{name}"
        sf.write(path, waveform, 16_000, format=container, subtype=subtype)
        files.append(path)
    if importlib.util.find_spec("av"):
        for name, codec in (("m4a", "aac"), ("webm", "libopus"), ("wma", "wmav2")):
            path = folder / f"whole.{name}"
            encode(path, waveform, codec)
            files.append(path)
    return files


def encode(path: Path, waveform: np.ndarray, codec: str) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=16_000, layout="mono")
        stream.bit_rate = 64_000
        for start in range(0, len(waveform), 1024):
            samples = np.round(waveform[start : start + 1024] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def mutations(data: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(kind, bytes) of `count` mutations of each kind."""
    random = np.random.default_rng(seed)

    def flip(number: int, end: int) -> bytes:
        out = bytearray(data)
        for place in random.integers(0, end, number):
            out[place] ^= 1 << random.integers(8)
        return bytes(out)

    for _ in range(count):
        place, length = int(random.integers(len(data))), int(random.integers(1, 2000))
        block = data[place : place + length]
        yield "flip 1 bit", flip(1, len(data))
        yield "flip 8 bits", flip(8, len(data))
        yield "flip many bits", flip(max(9, len(data) // 200), len(data))
        yield "header byte", flip(1, 100)
        yield "header bytes", flip(4, 200)
        yield "truncated", data[: int(len(data) * random.uniform(0.1, 0.99))]
        yield "inserted", data[:place] + random.bytes(length) + data[place:]
        yield "deleted", data[:place] + data[place + length :]
        yield "zeroed", data[:place] + bytes(len(block)) + data[place + length :]
        yield "doubled", data[:place] + block + data[place:]


def outcome(path: Path, whole: np.ndarray, rate: int) -> str:
    """What probing and reading this file gives."""
    signal.setitimer(signal.ITIMER_REAL, 25)
    try:
        probe_audio(path)
        waveform, found_rate = read_audio(path)
    except AudioError as error:
        text = str(error)
        return "clean" if str(path) in text and "\n" not in text else f"unhandled: {text[:80]!r}"
    except BaseException as error:  # what must not happen, counted
        return f"unhandled: {type(error).__name__} {str(error)[:80]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if found_rate != rate or len(waveform) != len(whole):
        return "other length"
    return "unchanged" if np.abs(waveform - whole).max() < 1e-6 else "other samples"


def main() -> int:
    """Print a table; 1 if anything was unhandled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=60, help="mutations of each kind and format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="more files to damage")
    parser.add_argument("--verbose", action="store_true", help="list what is silently different")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    logging.disable(logging.WARNING)

    def too_long(*_: object) -> None:
        raise TimeoutError("more than 25 s")

    signal.signal(signal.SIGALRM, too_long)
    kept = ("clean", "unchanged", "other length", "other samples", "unhandled")
    print(f"{'format':14}{'tried':>7}" + "".join(f"{name:>15}" for name in kept), flush=True)
    unhandled, started = 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = whole_files(folder)
        files += sorted(p for p in options.folder.iterdir()) if options.folder else []
        for number, path in enumerate(files):
            whole, rate = read_audio(path)
            counts: Counter[str] = Counter()
            examples: dict[str, Counter[str]] = defaultdict(Counter)
            tries = mutations(path.read_bytes(), options.each, options.seed + number)
            for attempt, (kind, data) in enumerate(tries):
                damaged = folder / f"damaged{attempt}{path.suffix}"
                damaged.write_bytes(data)
                result = outcome(damaged, whole, rate)
                damaged.unlink()
                counts[result.split(":")[0]] += 1
                examples[result][kind] += 1
            unhandled += counts["unhandled"]
            label = path.name.removeprefix("whole.")
            print(
                f"{label:14}{counts.total():7}" + "".join(f"{counts[name]:15}" for name in kept),
                flush=True,
            )
            for result, kinds in examples.items():
                if result.startswith("unhandled") or (
                    options.verbose and result.startswith("other")
                ):
                    print(f"    {result}: {dict(kinds)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{time.perf_counter() - started:.0f} s, peak memory {peak:.2f} GB")
    return int(unhandled > 0)


if __name__ == "__main__":
    sys.exit(main())
