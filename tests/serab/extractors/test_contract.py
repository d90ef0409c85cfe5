"""The contract, run on every extractor there is; and extractors that break it, each in one way."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from models.audio_ntt import AudioNTT
from models.checkpoint import save_encoder
from models.encoders import encoder_spec
from models.frontend import LogMel
from serab.extractors.base import Extractor, check_attributes
from serab.extractors.contract import LONGEST, check_extractor
from serab.extractors.encoder import EncoderExtractor, RandomExtractor
from serab.extractors.hear import HearExtractor
from serab.extractors.opensmile import OpenSmileExtractor
from serab.extractors.saved_model import SavedModelExtractor
from serab.extractors.template import TemplateExtractor
from serab.extractors.tflite import YamnetTfliteExtractor
from serab.extractors.transformers import TransformersExtractor
from serab.extractors.xares import XaresExtractor
from tests.support.foreign_models import FAMILIES, save_tensorflow, save_transformers
from tests.support.paths import ROOT

BRIEF = 15.0
"""Seconds, where five minutes are slow: benchmarks/extractors.py embeds ten minutes with each."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    encoder = AudioNTT(embed_dim=24, channels=4)
    path = tmp_path_factory.mktemp("run") / "encoder.safetensors"
    return save_encoder(path, encoder_spec(encoder, LogMel()), encoder.state_dict(), (-9.0, 4.0))


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    pytest.importorskip("tensorflow", reason="needs requirements-tf.txt")
    return save_tensorflow(tmp_path_factory.mktemp("saved_models"))


@pytest.fixture(scope="module")
def transformers_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    pytest.importorskip("transformers", reason="pip install transformers==5.23.0")
    return save_transformers(tmp_path_factory.mktemp("models"))


def test_audio_ntt():
    assert check_extractor(RandomExtractor("audio_ntt_512", device="cpu")) == 512


def test_cvt():
    assert check_extractor(RandomExtractor("cvt_large", device="cpu"), BRIEF) == 2048


@pytest.mark.parametrize("name", ["audio_ntt_512", "cvt_small"])
def test_padded_batches(name: str):
    extractor = RandomExtractor(name, device="cpu", batch_size=4)
    assert check_extractor(extractor, BRIEF) == extractor.model.embed_dim


def test_own_encoder(weights: Path):
    for norm in ("corpus", "pretraining"):
        assert check_extractor(EncoderExtractor(weights, norm=norm, device="cpu"), BRIEF) == 24


def test_opensmile():
    assert check_extractor(OpenSmileExtractor(jobs=2)) == 6373


@pytest.mark.parametrize(
    ("feature_set", "level", "width"),
    [
        ("eGeMAPSv02", "Functionals", 88),
        ("eGeMAPSv02", "LowLevelDescriptors", 50),
        ("IS09", "LowLevelDescriptors_Deltas", 32),
    ],
)
def test_opensmile_s_other_sets(feature_set: str, level: str, width: int):
    assert check_extractor(OpenSmileExtractor(feature_set, level, jobs=2), BRIEF) == width


def test_yamnet_tflite(shared: Path):
    pytest.importorskip("ai_edge_litert", reason="pip install ai-edge-litert==2.3.0")
    extractor = YamnetTfliteExtractor(str(shared / "models" / "yamnet.tflite"))
    assert check_extractor(extractor, BRIEF) == 1024


def test_hear(weights: Path):
    assert check_extractor(HearExtractor("serab.hear", weights, device="cpu")) == 24


def test_xares(weights: Path):
    name = "serab.xares:SpeechFramesEncoder"
    assert check_extractor(XaresExtractor(name, weights, device="cpu"), BRIEF) == 24


@pytest.mark.parametrize("family", FAMILIES)
def test_transformers(transformers_models: dict[str, str], family: str):
    longest = LONGEST if family == "hubert" else 40.0  # over 30 s all are cut alike
    layer = -1 if family == "clap" else "mean"
    extractor = TransformersExtractor(transformers_models[family], layer, device="cpu")
    if family in ("whisper", "ast", "clap"):  # slow: a whole window for each utterance
        longest = None
    assert check_extractor(extractor, longest) == 16


@pytest.mark.parametrize("kind", ["vggish", "yamnet", "trill", "frill", "trillsson"])
def test_saved_models(saved_models: dict[str, str], kind: str):
    extractor = SavedModelExtractor(kind, saved_models[kind])
    widths = {"vggish": 128, "yamnet": 1024, "trill": 12_288, "frill": 2048, "trillsson": 1024}
    assert check_extractor(extractor) == widths[kind]


def test_template():
    assert check_extractor(TemplateExtractor(bands=7)) == 14


def test_every_config_is_one_of_these():
    """A new extractor comes with a test above, or in a file of its own."""
    targets = {
        OmegaConf.load(path).get("_target_", "serab.extractors.encoder.EncoderExtractor")
        for path in (ROOT / "conf" / "extractor").glob("*.yaml")
    }
    files = (Path(__file__), ROOT / "tests" / "serab" / "test_mteb.py")
    source = "".join(file.read_text() for file in files)
    assert targets
    for target in targets:
        assert f"{target.rsplit('.', 1)[1]}(" in source


class Whole(Extractor):
    """Keeps the contract: energy and length."""

    name, sample_rate, fingerprint = "whole", 16_000, "1"

    def transform(self, waveforms):
        return np.array([[np.abs(w).mean(), len(w) ** 0.5] for w in waveforms], dtype=np.float32)


class BatchMates(Whole):
    def transform(self, waveforms):
        embeddings = super().transform(waveforms)
        return embeddings - embeddings.mean(axis=0)


class Order(Whole):
    def transform(self, waveforms):
        embeddings = super().transform(waveforms)
        return embeddings + np.arange(len(embeddings), dtype=np.float32)[:, None]


class Chance(Whole):
    def transform(self, waveforms):
        embeddings = super().transform(waveforms)
        return embeddings + np.random.default_rng().random(embeddings.shape, dtype=np.float32)


class NotFinite(Whole):
    def transform(self, waveforms):
        return np.log(super().transform(waveforms))  # of silence


class Doubles(Whole):
    def transform(self, waveforms):
        return super().transform(waveforms).astype(np.float64)


class Flat(Whole):
    def transform(self, waveforms):
        return super().transform(waveforms).ravel()


class Constant(Whole):
    def transform(self, waveforms):
        return 0 * super().transform(waveforms)


class LongIsWide(Whole):
    def transform(self, waveforms):
        waveforms = list(waveforms)
        wide = max(map(len, waveforms)) > 100 * 16_000
        return np.repeat(super().transform(waveforms), 1 + wide, axis=1)


class Forgets(Whole):
    mean = 0.0

    def fit(self, train_waveforms):
        self.mean = np.float32(np.mean([len(w) for w in train_waveforms]) + self.mean)
        return self

    def transform(self, waveforms):
        return super().transform(waveforms) + np.float32(self.mean)


class Nameless(Whole):
    name = "a/b"


class Rateless(Whole):
    sample_rate = 16e3


def test_what_keeps_it_passes():
    assert check_extractor(Whole()) == 2


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (BatchMates, "alone and with others"),
        (Order, "in another order"),
        (Chance, "twice the same"),
        (NotFinite, "isn't finite"),
        (Doubles, "gave float64; expected a float32"),
        (Flat, r"expected \(7, D\)"),
        (Constant, "two voices"),
        (LongIsWide, "101 s have another width than 2"),
        (Forgets, "a state taken back"),
        (Nameless, "has name='a/b', which goes into file names"),
        (Rateless, r"has sample_rate=16000\.0;"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_breaks_it_is_said(broken: type[Extractor], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        check_extractor(broken(), longest=101.0)


class Foreign:
    """Somebody's model, as it was."""

    name = "my model"
    sample_rate = 16_000.0

    def transform(self, waveforms):
        return np.zeros((1, 2), np.float32)


def test_all_that_is_missing_is_said_at_once():
    with pytest.raises(ValueError, match="extractor Foreign: has") as caught:
        check_attributes(Foreign())
    for part in (
        "no fit()",
        "no state()",
        "no fingerprint",
        "sample_rate=16000.0",
        "name='my model'",
    ):
        assert part in str(caught.value)
    assert "subclass serab.extractors.base.Extractor" in str(caught.value)


def test_the_length_that_broke_it_is_named():
    class Short(TemplateExtractor):
        def _embed(self, waveform):
            if len(waveform) < 400:
                raise IndexError("too short")
            return super()._embed(waveform)

    with pytest.raises(ValueError, match=r"utterances of 0\.01, 0\.1, .* s ended in IndexError"):
        check_extractor(Short(), None)
