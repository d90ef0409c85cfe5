"""Small real audio, the folder of shared real data, and shape checks on tensor functions."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hydra._internal import utils as hydra_utils
from jaxtyping import install_import_hook

from tests.support.paths import ROOT, SHARED
from tests.support.speech import voiced

# what tests start imports the packages from any directory
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
os.environ.setdefault("WANDB_SILENT", "true")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers share the machine

hydra_utils.is_under_debugger = lambda: False  # else coverage's trace turns its sentences off
install_import_hook("models", "beartype.beartype")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole programs first: they take longest, and workers should end together."""
    items.sort(key=lambda item: item.path.parent != ROOT / "tests")


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
