"""Weights as training code leaves them: wrapped, prefixed, beside heads and followers."""

from pathlib import Path

import pytest
import torch

from models.checkpoint import load_encoder
from models.encoders import random_encoder
from models.files import CheckpointError

MODEL = random_encoder("audio_ntt_512", seed=1)
WEIGHTS = MODEL.encoder.state_dict()
HEAD = {"projector.0.weight": torch.zeros(3, 3)}


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{key}": value for key, value in WEIGHTS.items()}


@pytest.mark.parametrize(
    "content",
    [
        {"model": WEIGHTS},
        {"state_dict": WEIGHTS, "epoch": 3, "args": {"lr": 0.1}},
        {"model": {"state_dict": prefixed("module.")}},
        prefixed("module."),
        {**prefixed("encoder."), **HEAD},
        {"state_dict": {**prefixed("module.online_encoder.net."), **HEAD}},
        {**prefixed("online_encoder."), **prefixed("target_encoder."), **HEAD},
    ],
    ids=["model", "state_dict", "both", "module", "encoder", "byol", "target"],
)
def test_wrapped_weights_are_recognised(content: dict, tmp_path: Path):
    torch.save(content, tmp_path / "weights.pth")
    assert load_encoder(tmp_path / "weights.pth").fingerprint == MODEL.fingerprint


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({**prefixed("a."), **prefixed("b.")}, r"several encoders \(a\., b\.\); save"),
        ({**prefixed("target."), **prefixed("ema.")}, r"several encoders \(followers\)"),
        ({"model": 3}, "not a speech encoder"),
        ({"model": {1: torch.zeros(3)}}, "not a speech encoder .its first entries: 1"),
        ({"model": {}}, "no entries"),
        ({1: torch.zeros(3)}, "expected a state dict of names"),
        ({**WEIGHTS, "fc.3.weight": torch.tensor(1.0)}, "has no fc.3.weight of 1 or more"),
        ({"features.0.weight": torch.zeros(64, 3, 3, 3)}, "has no fc.3.weight"),
        ({k: v for k, v in WEIGHTS.items() if k != "fc.0.weight"}, "lacks fc.0.weight"),
        ({**WEIGHTS, "fc.3.weight": torch.zeros(1).expand(30_000, 512)}, "many times larger"),
        ({**WEIGHTS, "extra": {"deep": 1}}, "extra is a dict, expected a tensor"),
    ],
)
def test_others_are_refused_with_the_way_out(content: dict, match: str, tmp_path: Path):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=match) as caught:
        load_encoder(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"speech_encoder": 5, "state_dict": {}}, "expected a mapping"),
        ({"speech_encoder": {"architecture": "CvT"}, "state_dict": {}}, "arguments=None"),
        ({"speech_encoder": {}}, "without its state_dict"),
        ({"speech_encoder": {}, "state_dict": 3}, "without its state_dict"),
    ],
)
def test_a_checkpoint_of_ours_that_lacks_parts(content: dict, match: str, tmp_path: Path):
    torch.save(content, tmp_path / "last.ckpt")
    with pytest.raises(CheckpointError, match=match):
        load_encoder(tmp_path / "last.ckpt")


def test_the_given_cases(shared: Path):
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip("the shared data has no cases")
    cases = {
        "08-hostile-sizes/cvt_depth_10xx9.safetensors": "far larger CvT than its weights",
        "11-checkpoint-keyerrors/nofc0.pth": "has no fc.0.weight",
        "11-checkpoint-keyerrors/normnan.safetensors": r"norm=\[nan",
        "11-checkpoint-keyerrors/spec5.pth": "expected a mapping",
    }
    for name, match in cases.items():
        with pytest.raises(CheckpointError, match=match):
            load_encoder(folder / name)
