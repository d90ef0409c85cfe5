"""The artefact's checksum: what it covers, and that files without one are still read."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from models.checkpoint import load_encoder, save_encoder
from models.encoders import encoder_spec, random_encoder
from models.files import CheckpointError
from models.hub.shared_encoder import SharedEncoder
from models.weights.artefact import SPEC_KEY


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    model = random_encoder("cvt_small", seed=1)
    spec = encoder_spec(model.encoder, model.frontend)
    weights = model.encoder.state_dict()
    return save_encoder(tmp_path / "encoder.safetensors", spec, weights, (-5.0, 4.0), {"hours": 1})


def content(path: Path) -> tuple[dict, dict[str, torch.Tensor]]:
    with safe_open(path, framework="pt") as file:
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return json.loads(file.metadata()[SPEC_KEY]), weights


def write(path: Path, header: object, weights: dict[str, torch.Tensor]) -> Path:
    save_file(weights, path, {SPEC_KEY: header if isinstance(header, str) else json.dumps(header)})
    return path


def test_another_value_anywhere_is_found(artefact: Path):
    header, weights = content(artefact)
    key = next(key for key, value in weights.items() if value.numel() > 10)
    changed = weights[key].clone()
    changed.view(-1)[0] += 1
    for other, tensors in (
        (header, {**weights, key: changed}),
        ({**header, "norm": [-5.0, 4.5]}, weights),
        ({**header, "frontend": {**header["frontend"], "f_min": 61.0}}, weights),
        ({**header, "about": {"hours": 2}}, weights),
    ):
        write(artefact, other, tensors)
        with pytest.raises(CheckpointError, match="isn't as it was written, its checksum"):
            load_encoder(artefact)
    assert load_encoder(write(artefact, header, weights)).norm == (-5.0, 4.0)


def test_artefacts_of_before_have_none(artefact: Path):
    before = load_encoder(artefact)
    header, weights = content(artefact)
    header.pop("checksum")
    assert load_encoder(write(artefact, header, weights)).fingerprint == before.fingerprint
    write(artefact, {**header, "cheksum": "ab"}, weights)
    with pytest.raises(CheckpointError, match=r"unknown entries \['cheksum'\]"):
        load_encoder(artefact)


@pytest.mark.parametrize(
    "header",
    ["[" * 100_000, "null", "[]", "3", "{}", '{"version": 1}', "{", "1" * 5000],
    ids=["deep", "null", "list", "number", "empty", "few", "open", "digits"],
)
def test_headers_that_describe_nothing(header: str, artefact: Path):
    write(artefact, header, content(artefact)[1])
    with pytest.raises(
        CheckpointError, match=r"encoder\.safetensors: (isn't JSON|has the unknown)"
    ):
        load_encoder(artefact)


def test_a_shared_encoders_weights_and_config_belong_together(artefact: Path, tmp_path: Path):
    shared = tmp_path / "shared"
    SharedEncoder(load_encoder(artefact)).save_pretrained(shared)
    config = json.loads((shared / "config.json").read_text())
    assert load_encoder(shared).norm == (-5.0, 4.0)
    (shared / "config.json").write_text(json.dumps({**config, "norm": [-5.0, 4.5]}))
    with pytest.raises(CheckpointError, match=r"model\.safetensors: isn't as it was written"):
        load_encoder(shared)
