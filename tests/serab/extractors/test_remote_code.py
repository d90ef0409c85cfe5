"""A model whose code lies beside its weights: consent, a pinned commit, a process of its own."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from serab.extractors.contract import check_extractor
from serab.extractors.transformers.remote_code import RemoteCodeExtractor
from tests.support.speech import voiced

CONFIG = """
from transformers import PretrainedConfig


class Config(PretrainedConfig):
    model_type = "strange"
"""
MODEL = """
import os
import sys

import torch
from transformers import PreTrainedModel
from .configuration import Config

sys.modules["imported_by_a_stranger"] = sys


class Model(PreTrainedModel):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        self.projection = torch.nn.Linear(16 * 128, 6)
        self.post_init()

    def extract_features(self, bank):
        if bank.shape[2] > 600:
            raise RuntimeError("too long for me")
        if bank.shape[2] > 480:
            os._exit(7)
        patches = bank[0, 0].unflatten(0, (-1, 16)).flatten(1)
        tokens = self.projection(patches)
        return torch.cat([torch.full((1, 6), 1e6), tokens])[None]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as `save_pretrained` leaves it, with its code and the entries that point there."""
    pytest.importorskip("transformers", reason="pip install transformers==5.23.0")
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("strange")
    (folder / "configuration.py").write_text(CONFIG)
    (folder / "modeling.py").write_text(MODEL)
    (folder / "config.json").write_text(
        '{"model_type": "strange", "architectures": ["Model"], "auto_map": '
        '{"AutoConfig": "configuration.Config", "AutoModel": "modeling.Model"}}'
    )
    torch.manual_seed(0)
    layer = torch.nn.Linear(16 * 128, 6)
    weights = {"projection.weight": layer.weight.data, "projection.bias": layer.bias.data}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def strange(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_MODULES_CACHE", str(tmp_path_factory.mktemp("modules")))
        extractor = RemoteCodeExtractor(str(folder), "fbank", None, True, device="cpu")
        yield extractor
        extractor._process.kill()


def test_the_contract_in_another_process(strange: RemoteCodeExtractor):
    assert check_extractor(strange, None) == 6
    assert "imported_by_a_stranger" not in sys.modules
    assert strange._process.pid != os.getpid()
    embeddings = strange.transform([voiced(1.0, 16_000, 1)])
    assert np.abs(embeddings).max() < 1e3  # the class token is left out


def test_what_goes_wrong_there_is_said_here(strange: RemoteCodeExtractor):
    with pytest.raises(ValueError, match=r"ended in RuntimeError .too long for me"):
        strange.transform([voiced(9.0, 16_000, 1)])
    assert strange.transform([voiced(0.5, 16_000, 1)]).shape == (1, 6)
    with pytest.raises(ValueError, match=r"process ended .exit code 7"):
        strange.transform([voiced(5.5, 16_000, 1)])


def test_consent_and_a_commit_come_first(folder: Path):
    with pytest.raises(ValueError, match=r"with your rights.*extractor\.trust_remote_code=true"):
        RemoteCodeExtractor(str(folder), "fbank")
    for revision in (None, "main", "abc123"):
        with pytest.raises(ValueError, match="at one commit only"):
            RemoteCodeExtractor("someone/model", "fbank", revision, True)
    with pytest.raises(ValueError, match="expected one of feature_extractor, fbank"):
        RemoteCodeExtractor(str(folder), "waveform", None, True)


def test_no_code_runs_through_the_other_extractor(folder: Path):
    from serab.extractors.transformers import TransformersExtractor

    with pytest.raises(ValueError, match="brings Python code of its own, which isn't run"):
        TransformersExtractor(str(folder))
