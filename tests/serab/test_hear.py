"""HEAR's and X-ARES's own rules, held by our encoders; foreign modules under test."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from models.audio_ntt import AudioNTT
from models.checkpoint import save_encoder
from models.encoders import encoder_spec
from models.frontend import LogMel
from serab import hear
from serab.extractors.hear import HearExtractor
from serab.extractors.xares import XaresExtractor
from serab.xares import SpeechFramesEncoder
from tests.support.paths import ROOT
from tests.support.speech import voiced

README = ROOT / "README.md"
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU"))]  # fmt: skip


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    encoder = AudioNTT(embed_dim=40, channels=8)
    path = tmp_path_factory.mktemp("run") / "encoder.safetensors"
    return save_encoder(path, encoder_spec(encoder, LogMel()), encoder.state_dict(), (-9.0, 4.0))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("seconds", [1.07, 1.98, 2.74, 4.0])
def test_the_validator_s_rules(artefact: Path, seconds: float, device: str):
    model = hear.load_model(str(artefact)).to(device)
    assert isinstance(model, torch.nn.Module)
    assert model.sample_rate in (16_000, 22_050, 32_000, 44_100, 48_000)
    assert type(model.scene_embedding_size) is type(model.timestamp_embedding_size) is int
    audio = torch.rand(3, int(seconds * model.sample_rate), device=device) * 2 - 1

    scene = hear.get_scene_embeddings(audio, model)
    assert scene.dtype == torch.float32
    assert scene.shape == (3, model.scene_embedding_size)

    embeddings, timestamps = hear.get_timestamp_embeddings(audio, model)
    assert embeddings.dtype == timestamps.dtype == torch.float32
    assert embeddings.shape == (*timestamps.shape, model.timestamp_embedding_size)
    steps = timestamps.diff(dim=1)
    assert float(steps.max()) <= 50
    assert float((steps - steps.mean()).abs().max()) <= 1
    assert float(timestamps.min()) <= 50
    assert 1000 * seconds - 50 <= float(timestamps.max()) <= 1000 * seconds
    assert torch.isfinite(embeddings).all()


def test_batch_mates_change_nothing(artefact: Path, official_weights: Path):
    quiet = 1e-4 * torch.randn(1, 24_000)
    audio = torch.cat([torch.from_numpy(voiced(1.5, 16_000, 0))[None], quiet])
    for weights in (artefact, official_weights):
        model = hear.load_model(str(weights))
        together = hear.get_scene_embeddings(audio, model)
        assert torch.equal(hear.get_scene_embeddings(audio[:1], model), together[:1])
        assert torch.equal(hear.get_scene_embeddings(audio.flip(0), model), together.flip(0))
        frames, _ = hear.get_timestamp_embeddings(audio, model)
        assert torch.equal(hear.get_timestamp_embeddings(audio[1:], model)[0], frames[1:])


def test_scene_is_the_three_line_embedding(artefact: Path):
    """The README's lines, run as printed but for the path."""
    (lines,) = re.findall(
        r"```python\n(from serab import load_encoder.*?)```", README.read_text(), re.S
    )
    lines = lines.replace("speech_512", str(artefact.parent)).replace("44_100", "16_000")
    names = {"waveform": voiced(1.2, 16_000, 1)}
    exec(lines, names)
    scene = hear.get_scene_embeddings(
        torch.from_numpy(names["waveform"])[None], hear.load_model(str(artefact))
    )
    torch.testing.assert_close(scene, names["embedding"], atol=1e-6, rtol=1e-6)


def test_timestamps_are_centred(artefact: Path):
    """A burst changes the embeddings within half a window of it and no others."""
    model = hear.load_model(str(artefact))
    audio = 0.01 * torch.randn(1, 64_000, generator=torch.Generator().manual_seed(0))
    before, timestamps = hear.get_timestamp_embeddings(audio, model)
    audio[:, 32_000:32_160] += 0.1
    after, _ = hear.get_timestamp_embeddings(audio, model)
    changed = timestamps[0][(before - after).abs().amax(-1)[0] > 1e-4]
    assert changed.min() == pytest.approx(2000 - 475, abs=60)
    assert changed.max() == pytest.approx(2000 + 475, abs=60)


def test_a_timestamp_is_its_window(artefact: Path):
    model = hear.load_model(str(artefact))
    audio = torch.from_numpy(voiced(3.0, 16_000, 2))[None]
    embeddings, timestamps = hear.get_timestamp_embeddings(audio, model)
    log_mel = model.normalised(audio)
    frame = round(float(timestamps[0, 30]) / 10)
    window = log_mel[:, :, :, frame - 48 : frame + 48]
    torch.testing.assert_close(embeddings[:, 30], model.encoder.encode(window))


def test_bad_audio_is_refused(artefact: Path):
    model = hear.load_model(str(artefact))
    for bad in (torch.zeros(5), torch.zeros(2, 0), torch.full((1, 99), torch.nan)):
        with pytest.raises(ValueError, match="audio"):
            hear.get_scene_embeddings(bad, model)


def test_no_weights_are_asked_for():
    with pytest.raises(ValueError, match="comes without weights"):
        HearExtractor("serab.hear")


def test_xares_contract(artefact: Path):
    encoder = SpeechFramesEncoder(artefact)
    assert type(encoder).__name__.endswith("Encoder")
    audio = torch.randn(2, 50_000)
    frames = encoder(audio)
    assert frames.shape == (2, 50_000 / 16_000 * 1000 // encoder.hop_size_in_ms + 1, 40)
    assert encoder.output_dim == 40
    torch.testing.assert_close(encoder(audio[1:])[0], frames[1], atol=0, rtol=0)
    extractor = XaresExtractor("serab.xares:SpeechFramesEncoder", artefact, device="cpu")
    (embedding,) = extractor.transform([audio[0].numpy()])
    assert embedding == pytest.approx(frames[0].mean(0).numpy(), abs=1e-6)


FOREIGN = """
import torch
class Model(torch.nn.Module):
    sample_rate, scene_embedding_size, timestamp_embedding_size = 16000, 3, 3
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(3.0))
def load_model(path=""):
    return Model()
def get_scene_embeddings(audio, model):
    return audio.abs().mean(1, keepdim=True) * model.weight
def get_timestamp_embeddings(audio, model):
    raise NotImplementedError
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, source: str) -> str:
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_any_hear_module(foreign):
    extractor = HearExtractor(foreign("foreign_hear", FOREIGN), device="cpu")
    waveform = np.full(16_000, 0.5, dtype=np.float32)
    assert extractor.transform([waveform])[0] == pytest.approx([0, 0.5, 1.0])
    other = foreign("other_hear", FOREIGN.replace("arange(3.0)", "ones(3)"))
    assert HearExtractor(other, device="cpu").fingerprint != extractor.fingerprint


def test_what_a_foreign_module_raises_is_one_sentence(foreign):
    picky = "    assert audio.shape[1] == 16_000, 'one second\\nplease'\n    return audio.abs()"
    module = foreign("picky_hear", FOREIGN.replace("    return audio.abs()", picky))
    extractor = HearExtractor(module, device="cpu")
    extractor.transform([np.ones(16_000, np.float32)])
    with pytest.raises(ValueError, match=r"picky_hear: .* AssertionError \(one second\) .* 9000 s"):
        extractor.transform([np.ones(9_000, np.float32)])


def test_modules_that_are_none(foreign, artefact: Path):
    without = foreign("without", FOREIGN.replace("def get_scene", "def no_scene"))
    with pytest.raises(ValueError, match="no function get_scene_embeddings"):
        HearExtractor(without)
    sizeless = foreign("sizeless", FOREIGN.replace("scene_embedding_size", "size"))
    with pytest.raises(ValueError, match="no integer scene_embedding_size"):
        HearExtractor(sizeless)
    wide = HearExtractor(foreign("wide", FOREIGN.replace("arange(3.0)", "ones(4)")), device="cpu")
    with pytest.raises(ValueError, match=r"gave \(1, 4\) .* says \(1, 3\)"):
        wide.transform([np.zeros(8_000, np.float32)])
    with pytest.raises(ValueError, match=r"nowhere_at_all: can't be imported"):
        HearExtractor("nowhere_at_all")
    with pytest.raises(ValueError, match="no such file"):
        HearExtractor("serab.hear", artefact.with_name("none"))
    for name in ("serab.xares", "serab.xares:Nothing", "serab.hear:HOP_MS"):
        with pytest.raises(ValueError, match=r"package\.module:Class"):
            XaresExtractor(name)
    with pytest.raises(ValueError, match="no number sampling_rate and no output_dim"):
        XaresExtractor("torch.nn:Identity")
