"""Tiny random models of each family, saved and loaded as real ones are."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from serab.extractors.transformers import TransformersExtractor
from serab.extractors.transformers.revisions import (
    pin_revision,
    pinned_revision,
    revisions_file,
)
from tests.support.foreign_models import FAMILIES, save_transformers
from tests.support.speech import voiced

WAVEFORMS = [voiced(seconds, 16_000, 3) for seconds in (0.01, 1.0)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    pytest.importorskip("transformers", reason="pip install transformers==5.23.0")
    return save_transformers(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "clap"])
def test_layers_and_their_mean(models: dict[str, str], family: str):
    extractors = {
        layer: TransformersExtractor(models[family], layer, device="cpu")
        for layer in (0, 1, 2, -1, "mean")
    }
    embeddings = {layer: e.transform(WAVEFORMS) for layer, e in extractors.items()}
    for each in embeddings.values():
        assert each.shape == (2, 16)
        assert each.dtype == np.float32
        assert np.isfinite(each).all()
    assert np.array_equal(embeddings[-1], embeddings[2])
    assert not np.allclose(embeddings[0], embeddings[1])
    mean = np.mean([embeddings[0], embeddings[1], embeddings[2]], axis=0)
    assert embeddings["mean"] == pytest.approx(mean, abs=1e-5)
    assert len({e.fingerprint for e in extractors.values()}) == 5
    with pytest.raises(ValueError, match=r"layer=3: the model has 2 layers; .* from -3 to 2"):
        TransformersExtractor(models[family], 3)


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
def test_the_mean_is_that_of_the_plain_model(models: dict[str, str], family: str):
    import transformers

    model = transformers.AutoModel.from_pretrained(models[family]).eval()
    waveform = torch.from_numpy(WAVEFORMS[1])[None]
    if family != "hubert":
        waveform = (waveform - waveform.mean()) / (waveform.var(unbiased=False) + 1e-7).sqrt()
    with torch.no_grad():
        want = model(waveform).last_hidden_state[0].mean(0).numpy()
    got = TransformersExtractor(models[family], device="cpu").transform(WAVEFORMS[1:])[0]
    assert got == pytest.approx(want, abs=1e-5)


def test_whisper_s_padding_is_masked(models: dict[str, str]):
    import transformers

    model = transformers.AutoModel.from_pretrained(models["whisper"]).get_encoder().eval()
    features = transformers.AutoFeatureExtractor.from_pretrained(models["whisper"])
    inputs = features(WAVEFORMS[1], sampling_rate=16_000, return_tensors="pt").input_features
    with torch.no_grad():
        hidden = model(inputs).last_hidden_state[0]
    assert hidden.shape == (1500, 16)
    got = TransformersExtractor(models["whisper"], device="cpu").transform(WAVEFORMS[1:])[0]
    assert got == pytest.approx(hidden[:50].mean(0).numpy(), abs=1e-5)  # 1 s of 20-ms frames
    assert got != pytest.approx(hidden.mean(0).numpy(), abs=1e-3)


@pytest.mark.parametrize("family", ["wavlm", "whisper"])
def test_over_30_seconds(models: dict[str, str], family: str):
    extractor = TransformersExtractor(models[family], device="cpu")
    waveform = voiced(70.0, 16_000, 5)
    parts = np.array_split(waveform, 3)
    want = np.mean(extractor.transform(parts), axis=0)
    assert extractor.transform([waveform])[0] == pytest.approx(want, abs=1e-3)


def test_ast_s_padding_is_left_out(models: dict[str, str]):
    import transformers

    model = transformers.AutoModel.from_pretrained(models["ast"]).eval()
    features = transformers.AutoFeatureExtractor.from_pretrained(models["ast"])
    with torch.no_grad():
        inputs = features(WAVEFORMS[1], sampling_rate=16_000, return_tensors="pt")
        tokens = model(**inputs).last_hidden_state[0]
    assert tokens.shape == (2 + 12 * 101, 16)  # two class tokens, bands x steps of 10 frames
    # 1 s has 98 frames: nine patches of 16 every 10 lie in it
    want = tokens[2:].reshape(12, 101, 16)[:, :9].mean((0, 1)).numpy()
    got = TransformersExtractor(models["ast"], device="cpu").transform(WAVEFORMS[1:])[0]
    assert got == pytest.approx(want, abs=1e-5)


def test_w2v_bert_s_padding_is_masked(models: dict[str, str]):
    """Its features come in pairs of frames; an odd last one is padding and counts for nothing."""
    extractor = TransformersExtractor(models["w2v_bert"], device="cpu")
    waveform = voiced(1.0, 16_000, 3)
    even, odd = extractor.transform([waveform[: 400 + 160 * 95], waveform[: 400 + 160 * 96]])
    assert np.isfinite([even, odd]).all()
    features = extractor._features(waveform[: 400 + 160 * 96], sampling_rate=16_000)
    assert len(features["attention_mask"][0]) == len(features["input_features"][0])
    (frames,) = extractor._frames(waveform[: 400 + 160 * 96])
    assert len(frames) == int(np.sum(features["attention_mask"][0]))


def test_clap_s_audio_tower(models: dict[str, str]):
    import transformers

    model = transformers.ClapModel.from_pretrained(models["clap"]).eval()
    features = transformers.AutoFeatureExtractor.from_pretrained(models["clap"])
    waveform = voiced(1.0, 48_000, 3)
    with torch.no_grad():
        inputs = features(waveform, sampling_rate=48_000, return_tensors="pt")
        want = model.audio_model(**inputs).pooler_output[0].numpy()
    extractor = TransformersExtractor(models["clap"], device="cpu")
    assert extractor.sample_rate == 48_000
    assert extractor.transform([waveform])[0] == pytest.approx(want, abs=1e-5)
    with pytest.raises(ValueError, match="layers of CLAP have different widths; give a number"):
        TransformersExtractor(models["clap"], "mean")
    with pytest.raises(ValueError, match=r"layer=5: the model has 2 layers"):
        TransformersExtractor(models["clap"], 5)


def test_audeering_s_layout(models: dict[str, str], tmp_path: Path):
    """A wav2vec 2.0 behind a prefix, beside a regression head of no class that transformers has."""
    for path in Path(models["wav2vec2"]).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    bare = load_file(tmp_path / "model.safetensors")
    weights = {f"wav2vec2.{key}": value for key, value in bare.items()}
    weights |= {"classifier.dense.weight": torch.zeros(16, 16)}
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config = (tmp_path / "config.json").read_text()
    named = config.replace('"Wav2Vec2Model"', '"Wav2Vec2ForSpeechClassification"')
    (tmp_path / "config.json").write_text(named)
    expected = TransformersExtractor(models["wav2vec2"], device="cpu").transform(WAVEFORMS)
    got = TransformersExtractor(str(tmp_path), device="cpu").transform(WAVEFORMS)
    assert got == pytest.approx(expected, abs=1e-6)


def test_the_first_commit_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert pinned_revision("someone/model") is None
    pin_revision("someone/model", "a" * 40)
    pin_revision("someone/other", "c" * 40)
    pin_revision("someone/model", "b" * 40)
    assert pinned_revision("someone/model") == "a" * 40
    assert pinned_revision("someone/other") == "c" * 40
    for content in ("{", "[1]", '{"someone/model": 3}'):
        revisions_file().write_text(content)
        with pytest.raises(ValueError, match=r"revisions\.json: isn't a list of models"):
            pinned_revision("someone/model")


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


def test_what_can_t_be_loaded(models: dict[str, str], tmp_path: Path, monkeypatch):
    import transformers

    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="nowhere: no such directory"):
        TransformersExtractor(str(tmp_path / "nowhere"))
    tiny = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8}
    transformers.BertModel(
        transformers.BertConfig(num_hidden_layers=1, vocab_size=9, **tiny)
    ).save_pretrained(tmp_path / "bert")
    with pytest.raises(ValueError, match="is a bert; expected one of wav2vec2"):
        TransformersExtractor(str(tmp_path / "bert"))
    cut = tmp_path / "cut"
    cut.mkdir()
    for path in Path(models["hubert"]).iterdir():
        (cut / path.name).write_bytes(path.read_bytes())
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:3000])
    with pytest.raises(ValueError, match="cut: can't be loaded"):
        TransformersExtractor(str(cut))
    other = load_file(Path(models["hubert"]) / "model.safetensors")
    kept = {key: value for key, value in other.items() if "layers.1." not in key}
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lack \d+ entries of a hubert .*layers\.1\."):
        TransformersExtractor(str(cut))
    weights.unlink()
    torch.save({"x": Bomb()}, cut / "pytorch_model.bin")
    with pytest.raises(ValueError, match="refused unexecuted"):
        TransformersExtractor(str(cut))
    assert not Path("exploded").exists()
    with pytest.raises(ValueError, match=r"extractor\.model: give a directory"):
        TransformersExtractor(None)


def test_without_transformers_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match="pip install transformers"):
        TransformersExtractor("anything")
