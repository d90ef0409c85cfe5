"""The encoder that comes with the code: found by name, small, the one that its card describes."""

import socket
from pathlib import Path

import pandas as pd
import pytest
import torch

from models.checkpoint import SHIPPED, load_encoder
from models.files import CheckpointError
from tests.support.paths import ROOT
from tests.support.speech import voiced


def test_by_name_without_network_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    encoder = load_encoder("speech_512")
    assert (encoder.name, encoder.embed_dim) == ("audio_ntt_512", 512)
    assert encoder.about["steps"] == 9000
    waveforms = torch.stack([torch.from_numpy(voiced(2.0, 16_000, seed)) for seed in (0, 1)])
    embeddings = encoder.embed(waveforms, 16_000)
    assert torch.isfinite(embeddings).all()
    assert torch.nn.functional.cosine_similarity(*embeddings, dim=0) < 0.999


def test_a_path_of_that_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("speech_512").mkdir()
    with pytest.raises(CheckpointError, match="a directory without"):
        load_encoder("speech_512")


def test_a_mistyped_name_is_told_the_names():
    with pytest.raises(CheckpointError, match=r"one of ours by name: .*speech_512"):
        load_encoder("speech_513")


def test_it_is_small_and_has_its_card():
    for name, path in SHIPPED.items():
        assert path.stat().st_size < 3_000_000
        card = (ROOT / "models/weights/README.md").read_text()
        for said in (f"# {name}", "CC BY 4.0", "Apache-2.0", f"{name}.csv", f"{name}.png"):
            assert said in card
        log = pd.read_csv(path.with_suffix(".csv"))
        assert log["step"].iloc[-1] == load_encoder(name).about["steps"]
