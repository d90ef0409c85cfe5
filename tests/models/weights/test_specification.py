"""Descriptions of encoders that are none: one sentence, without the time or memory they ask for."""

import time
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.encoders import encoder_spec, random_encoder
from models.files import CheckpointError
from models.weights.specification import build_encoder

MODEL = random_encoder("cvt_small", seed=1)
SPEC = {**encoder_spec(MODEL.encoder, MODEL.frontend), "norm": [-5.0, 4.0], "about": {}}
WEIGHTS = {key: value.clone() for key, value in MODEL.encoder.state_dict().items()}
SOME = next(key for key, value in WEIGHTS.items() if value.is_floating_point())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "some.pth"
    torch.save(WEIGHTS, path)
    return path


def changed(key: str, value: object) -> dict:
    """The specification with another value at a key such as "arguments.depth"."""
    spec = deepcopy(SPEC)
    *groups, last = key.split(".")
    inner = spec
    for group in groups:
        inner = inner[group]
    inner[last] = value
    return spec


def test_the_whole_one_is_built(file: Path):
    built = build_encoder(file, SPEC, WEIGHTS)
    assert built.name == "cvt_small"
    assert built.norm == (-5.0, 4.0)
    assert built.fingerprint == MODEL.fingerprint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("arguments.depth", 10**9),
        ("arguments.depth", 3),
        ("arguments.stage_dims", [64, 128, 30_000_000]),
        ("arguments.stage_dims", [10**30, 128, 256]),
        ("arguments.stage_dims", [64, 128, 256] * 100),
        ("arguments.heads", [10**9, 3, 6]),
        ("arguments.n_mels", 16 * 10**9),
        ("frontend.n_mels", 10**9),
        ("frontend.n_fft", 10**9),
        ("frontend.hop_length", 0),
        ("frontend.sample_rate", 1),
        ("frontend.sample_rate", True),
        ("frontend.f_max", float("nan")),
        ("frontend.f_min", "low"),
        ("frontend.win_length", -1),
        ("frontend.backend", "theirs"),
        ("architecture", "ResNet"),
        ("architecture", None),
        ("arguments", None),
        ("arguments.pooling", []),
        ("arguments.dropout", {}),
        ("arguments.dropout", float("nan")),
        ("arguments.hook", "x"),
        ("frontend", [1]),
        ("about", "x"),
        ("norm", [0, 0]),
        ("norm", [float("nan"), 1.0]),
        ("norm", [0.0, float("inf")]),
        ("norm", [0.0, True]),
        ("norm", "zero"),
    ],
)
def test_bad_entries_are_one_sentence_at_once(key: str, value: object, file: Path):
    started = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        build_encoder(file, changed(key, value), WEIGHTS)
    assert time.process_time() - started < 2
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize("spec", [None, 5, [], "CvT"])
def test_a_specification_that_is_no_mapping(spec: object, file: Path):
    with pytest.raises(CheckpointError, match="expected a mapping"):
        build_encoder(file, spec, WEIGHTS)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (torch.full_like(WEIGHTS[SOME], float("nan")), "holds NaN or infinite values"),
        (torch.zeros(1).expand(30_000, 30_000), "many times larger than the file"),
        (torch.zeros(2, 2), r"is of shape \(2, 2\), expected"),
        (torch.zeros(2, 2).to_sparse(), "isn't a plain tensor"),
        ({"weight": 1}, "is a dict, expected a tensor"),
    ],
    ids=["nan", "expanded", "shape", "sparse", "dict"],
)
def test_bad_weights_are_named(value: object, match: str, file: Path):
    with pytest.raises(CheckpointError, match=match):
        build_encoder(file, SPEC, {**WEIGHTS, SOME: value})


def test_missing_and_strange_entries(file: Path):
    fewer: dict[str, Tensor] = {key: value for key, value in WEIGHTS.items() if key != SOME}
    with pytest.raises(CheckpointError, match=f"lacks {SOME}"):
        build_encoder(file, SPEC, fewer)
    with pytest.raises(CheckpointError, match=r"head\.weight is unknown to it"):
        build_encoder(file, SPEC, {**WEIGHTS, "head.weight": torch.zeros(2)})
