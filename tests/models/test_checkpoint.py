"""Artefacts and official weights: exact round trips, and one clear sentence for anything else."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.audio_ntt import AudioNTT
from models.checkpoint import SPEC_KEY, load_encoder, save_encoder
from models.cvt import CvT
from models.encoders import ENCODERS, encoder_name, encoder_spec, random_encoder
from models.files import CheckpointError
from models.frontend import LogMel


@pytest.mark.parametrize("name", [n for n in ENCODERS if n != "resnetish34"])  # slow
def test_artefact_round_trip(name: str, tmp_path: Path):
    before = random_encoder(name, seed=1)
    frontend = LogMel(win_length=1024)
    spec = encoder_spec(before.encoder, frontend)
    path = save_encoder(
        tmp_path / "encoder.safetensors", spec, before.encoder.state_dict(), (-5.0, 4.0)
    )
    after = load_encoder(tmp_path)
    assert (after.name, after.norm, after.embed_dim) == (name, (-5.0, 4.0), before.embed_dim)
    assert after.frontend.arguments["win_length"] == 1024
    assert not after.training
    waveform = 0.1 * torch.randn(2, 16_000)
    expected = before.encode((frontend(waveform) + 5) / 4)
    torch.testing.assert_close(after.embed(waveform, 16_000), expected, atol=1e-5, rtol=1e-5)
    assert load_encoder(path, encoder=name).fingerprint == after.fingerprint
    assert [p.name for p in tmp_path.iterdir()] == ["encoder.safetensors"]


def test_official_weights(official_weights: Path):
    encoder = load_encoder(official_weights)
    assert (encoder.name, encoder.embed_dim, encoder.norm) == ("audio_ntt_512", 512, None)
    with pytest.raises(CheckpointError, match=r"holds audio_ntt_512 .* not audio_ntt_2048"):
        load_encoder(official_weights, encoder="audio_ntt_2048")
    with pytest.raises(ValueError, match="without normalisation statistics"):
        encoder.embed(torch.zeros(16_000), 16_000)


def test_official_weights_are_told_by_shapes_not_names(tmp_path: Path):
    for name in ("audio_ntt_1024", "audio_ntt_2022", "cvt_small"):
        torch.save(random_encoder(name).encoder.state_dict(), tmp_path / "some_name.bin")
        assert load_encoder(tmp_path / "some_name.bin").name == name
    torch.save(random_encoder("cvt_large").encoder.state_dict(), tmp_path / "large.pth")
    with pytest.raises(CheckpointError, match="cvt_large_512 and cvt_large; say which"):
        load_encoder(tmp_path / "large.pth")
    assert load_encoder(tmp_path / "large.pth", encoder="cvt_large_512").embed_dim == 512
    with pytest.raises(CheckpointError, match="fit cvt_large_512 and cvt_large"):
        load_encoder(tmp_path / "large.pth", encoder="cvt_small")


class Bomb:
    def __reduce__(self):
        return Path.write_text, (Path("exploded"), "boom")


def test_code_is_refused_unexecuted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"features.0.weight": Bomb()}, "bomb.pth")
    Path("bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    for name in ("bomb.pth", "bomb.pkl"):
        with pytest.raises(CheckpointError, match=name):
            load_encoder(name)
    assert not Path("exploded").exists()


def damaged(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    whole = random_encoder("cvt_small")
    spec = {**encoder_spec(whole.encoder, whole.frontend), "norm": None, "about": {}}
    artefact = save_encoder(tmp_path / "whole", spec, whole.encoder.state_dict(), (0.0, 1.0))
    content = artefact.read_bytes()
    torch.save(whole.encoder.state_dict(), tmp_path / "official")
    official = (tmp_path / "official").read_bytes()

    def write(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    def tensors(name: str, header: dict[str, str]) -> Path:
        save_file(whole.encoder.state_dict(), tmp_path / name, metadata=header)
        return tmp_path / name

    (tmp_path / "folder").mkdir()
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other")
    torch.save([1, 2], tmp_path / "list")
    other_shape = {**spec, "arguments": {**spec["arguments"], "stage_dims": [32, 64, 128]}}
    return {
        "missing": (tmp_path / "none", "no such file"),
        "empty": (write("empty", b""), "cut off"),
        "noise": (write("noise", b"RIFF" + bytes(100)), "not written by torch"),
        "artefact cut": (write("cut", content[: len(content) // 2]), "cut off or damaged"),
        "official cut": (write("half", official[: len(official) // 2]), "cut off"),
        "no header": (tensors("bare", {}), "without the entry"),
        "folder": (tmp_path / "folder", "a directory without"),
        "other": (tmp_path / "other", "not a speech encoder"),
        "list": (tmp_path / "list", "expected a state dict"),
        "shape": (tensors("shape", {SPEC_KEY: json.dumps(other_shape)}), "don't fit"),
        "class": (
            tensors("class", {SPEC_KEY: json.dumps({**spec, "architecture": "os.system"})}),
            "class os.system, code from outside .* not imported unasked",
        ),
    }


@pytest.mark.parametrize(
    "case",
    ["missing", "empty", "noise", "artefact cut", "official cut", "no header", "folder", "other",
     "list", "shape", "class"],
)  # fmt: skip
def test_bad_files_are_named(case: str, tmp_path: Path):
    path, message = damaged(tmp_path)[case]
    with pytest.raises(CheckpointError, match=message) as caught:
        load_encoder(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_names():
    with pytest.raises(ValueError, match="unknown encoder 'resnet': expected one of audio_ntt_512"):
        random_encoder("resnet")
    with pytest.raises(CheckpointError, match="unknown encoder 'resnet'"):
        load_encoder("x", encoder="resnet")
    assert encoder_name(AudioNTT(300)) == "AudioNTT"
    assert encoder_name(CvT()) == "cvt_large"
    with pytest.raises(ValueError, match="lacks embed_dim, min_frames, arguments"):
        encoder_spec(torch.nn.Linear(1, 1), LogMel())


def test_embed_takes_what_users_have():
    encoder = random_encoder("audio_ntt_512")
    encoder.norm = (-3.0, 4.0)
    waveform = 0.1 * torch.randn(16_000)
    one = encoder.embed(waveform, 16_000)
    assert one.shape == (1, 512)
    torch.testing.assert_close(encoder.embed(waveform.numpy(), 16_000), one)
    torch.testing.assert_close(encoder.embed(torch.stack([waveform] * 2), 16_000)[1:], one)
    assert encoder.embed(torch.randn(480), 48_000).shape == (1, 512)  # 0.01 s
    for bad in (torch.zeros(0), torch.zeros(1, 1, 9), torch.tensor([float("nan")])):
        with pytest.raises(ValueError, match="waveform"):
            encoder.embed(bad, 16_000)
