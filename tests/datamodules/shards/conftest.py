"""Recordings of several kinds, and the shards that they are packed into."""

import shutil
from pathlib import Path

import pytest
import soundfile as sf

from datamodules.manifest.recordings import scan_folder
from datamodules.shards.packing import pack
from tests.support.speech import voiced

SECONDS = (0.3, 1.0, 1.7, 2.4, 3.1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty recordings of several lengths, rates and formats; one that isn't audio."""
    root = tmp_path_factory.mktemp("source")
    for i in range(20):
        rate = (16_000, 48_000, 22_050)[i % 3]
        path = root / f"speaker{i % 4}" / f"{i:02d}.{'flac' if i % 2 else 'wav'}"
        path.parent.mkdir(exist_ok=True)
        sf.write(path, voiced(SECONDS[i % 5], rate, i), rate, "PCM_16")
    (root / "broken.wav").write_bytes(b"RIFF of nothing")
    return root


@pytest.fixture(scope="module")
def packed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed")
    pack(scan_folder(source), out, jobs=1, shard_seconds=8)
    return out


@pytest.fixture
def shards(packed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packed, tmp_path / "shards"))
