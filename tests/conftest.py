"""Small real audio, the folder of shared real data, and shape checks on tensor functions."""

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hydra._internal import utils as hydra_utils
from jaxtyping import install_import_hook
from wandb.proto import wandb_internal_pb2

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("WANDB_SILENT", "true")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers share the machine

hydra_utils.is_under_debugger = lambda: False  # else coverage's trace turns its sentences off
install_import_hook("models", "beartype.beartype")

SHARED = Path(os.environ.get("SERAB_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real speech, EmoDB's archive and official weights, where they are at hand."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data at {SHARED} (SERAB_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def official_weights(shared: Path) -> Path:
    found = sorted((shared / "weights").glob("default512_BYOLAs*.pth"))
    if not found:
        pytest.skip(f"no official BYOL-S 512 weights in {shared / 'weights'}")
    return found[0]


def voiced(seconds: float, sample_rate: int, seed: int) -> np.ndarray:
    """Something like a voice: a gliding harmonic tone with pauses, float32 (samples,)."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    pitch = generator.uniform(80, 250) * (
        1 + 0.2 * np.sin(2 * np.pi * generator.uniform(1, 4) * time)
    )
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * generator.uniform(2, 5) * time)
    noise = generator.normal(0, 0.003, len(time))
    return (0.08 * tone * loudness + noise).astype(np.float32)


@pytest.fixture(scope="session")
def speech_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 recordings in a tree, of several formats, rates, channels and lengths."""
    root = tmp_path_factory.mktemp("speech")
    for index in range(24):
        suffix = ("wav", "flac", "ogg", "mp3")[index % 4]
        rate = (16_000, 22_050, 48_000)[index % 3]
        waveform = voiced(0.5 if index == 3 else 1.0 + 0.1 * index, rate, index)
        if index % 5 == 0:
            waveform = np.stack([waveform, 0.5 * waveform], axis=1)
        path = root / f"speaker{index % 3}" / f"{index:02d}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        sf.write(path, waveform, rate)
    return root


def wandb_records(path: Path) -> Iterator[wandb_internal_pb2.Record]:
    """What an offline W&B run wrote: a LevelDB log, blocks of 32 KiB, 7 bytes before each part."""
    data, position, parts = path.read_bytes(), 7, []
    while position + 7 <= len(data):
        if (left := 32_768 - position % 32_768) < 7:
            position += left
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)
        parts.append(data[position + 7 : position + 7 + length])
        position += 7 + length
        if kind in (1, 4):  # whole, or last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(b"".join(parts))
            parts = []
            yield record
