"""mteb's own evaluation of our encoders, and its models on our tasks; a local data set of audio."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf
import torch
import yaml

from serab.classification import embed_task
from serab.embed.cache import Cache
from serab.extractors.contract import check_extractor
from serab.extractors.encoder import RandomExtractor
from serab.extractors.hear import HearExtractor
from serab.protocol import STRICT
from serab.splits import split
from tests.support.foreign_models import save_transformers
from tests.support.paths import ROOT
from tests.support.small_corpus import make_corpus
from tests.support.speech import voiced

mteb = pytest.importorskip("mteb", reason="pip install mteb==2.26.24")
datasets = pytest.importorskip("datasets", reason="pip install mteb==2.26.24")

from mteb.abstasks.classification import AbsTaskClassification  # noqa: E402
from mteb.abstasks.task_metadata import TaskMetadata  # noqa: E402
from mteb.models.model_implementations.wav2vec2_models import (  # noqa: E402
    Wav2Vec2AudioWrapper,
)
from mteb.models.model_meta import ModelMeta  # noqa: E402

from serab.extractors.mteb import MtebExtractor  # noqa: E402
from serab.mteb import MtebEncoder, load_model  # noqa: E402


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory):
    return make_corpus(tmp_path_factory.mktemp("data"), seconds=0.3)


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory):
    """mteb's own wrapper around a small local wav2vec2."""
    folder = save_transformers(tmp_path_factory.mktemp("models"))["wav2vec2"]
    model = Wav2Vec2AudioWrapper(folder, revision=None, device="cpu")
    model.mteb_model_meta = ModelMeta.create_empty(
        {"name": "local/small wav2vec2", "revision": "r1", "modalities": ["audio"]}
    )
    return model


class Emotions(AbsTaskClassification):
    """A MAEB task in the form of CREMA_D's: folds over clips, 8 a label."""

    metadata = TaskMetadata(
        name="SmallEmotions",
        description="made here",
        type="AudioClassification",
        category="a2c",
        modalities=["audio"],
        eval_splits=["train"],
        eval_langs=["eng-Latn"],
        main_score="accuracy",
        dataset={"path": "local", "revision": "r1"},
    )
    input_column_name = "audio"
    is_cross_validation = True
    n_splits = 3

    def __init__(self, index) -> None:
        super().__init__()
        rows = {"audio": [], "label": []}
        for utterance in index.utterances:
            samples, rate = sf.read(index.audio(utterance), dtype="float32")
            rows["audio"].append({"array": samples, "sampling_rate": rate})
            rows["label"].append(index.emotions.index(utterance.emotion))
        self.dataset = {"train": datasets.Dataset.from_dict(rows).with_format("numpy")}
        self.dataset = datasets.DatasetDict(self.dataset)
        self.data_loaded = True


def test_our_encoder_in_mteb(corpus):
    model = load_model("speech_512", device="cpu")
    result = mteb.evaluate(model, Emotions(corpus), cache=None, show_progress_bar=False)
    (found,) = result.task_results
    accuracy = found.scores["train"][0]["accuracy"]
    assert accuracy > 3 / len(corpus.emotions)  # pitch and loudness tell the emotions
    assert (result.model_name, len(result.model_revision)) == ("serab-byols/speech_512", 40)


def test_embeddings_are_those_of_hear_at_any_rate_and_batch(corpus):
    from torch.utils.data import DataLoader

    model = load_model("speech_512", "mine", device="cpu")
    waveforms = [voiced(seconds, 16_000, 3) for seconds in (0.02, 0.5, 1.0)]
    stereo = {"array": np.stack([waveforms[2], waveforms[2]]), "sampling_rate": 16_000}
    audio = [{"array": w, "sampling_rate": 16_000} for w in waveforms]
    rows = datasets.Dataset.from_dict({"audio": audio}).with_format("numpy")
    found = model.encode(DataLoader(rows, batch_size=2), show_progress_bar=False)
    expected = HearExtractor("serab.hear", "speech_512", device="cpu").transform(waveforms)
    assert found == pytest.approx(expected, abs=1e-6)
    one = datasets.Dataset.from_dict({"audio": [stereo]}).with_format("numpy")
    assert model.encode(DataLoader(one)) == pytest.approx(expected[2:], abs=1e-5)
    text = datasets.Dataset.from_dict({"text": ["words"]})
    with pytest.raises(ValueError, match="mine: embeds audio; the task gives text"):
        model.encode(DataLoader(text))


def test_what_mteb_has_no_place_for():
    extractor = RandomExtractor("cvt_small", device="cpu")
    with pytest.raises(ValueError, match="random_cvt_small: is fitted to a corpus"):
        MtebEncoder(extractor)
    with pytest.raises(ValueError, match="nowhere: no such file"):
        load_model("nowhere")


def test_a_model_of_mteb_on_our_strict_task(corpus, wav2vec2):
    extractor = MtebExtractor(wav2vec2)
    assert extractor.name == "small_wav2vec2"
    task, _ = embed_task(extractor, corpus, split(corpus, STRICT, 0), Cache(None))
    assert task.embeddings.shape == (len(corpus.utterances), 16)
    waveform = voiced(1.0, 16_000, 3)
    inputs = wav2vec2.feature_extractor(waveform, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        frames = wav2vec2.model(inputs.input_values).last_hidden_state[0]
    assert extractor.transform([waveform])[0] == pytest.approx(frames.mean(0).numpy(), abs=1e-5)
    assert check_extractor(extractor, longest=20) == 16


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody/nothing", "mteb 2.* doesn't know it"),
        ("sentence-transformers/all-MiniLM-L6-v2", "is no audio model"),
        (
            "mispeech/dasheng-base",
            ".*may run code from the model's repository.*revision [0-9a-f]{40}",
        ),
    ],
)
def test_models_that_are_refused(name: str, message: str):
    with pytest.raises(ValueError, match=rf"extractor\.model={name}: {message}"):
        MtebExtractor(name)


def test_pinned_commits_are_those_of_its_registry():
    pinned = {}
    for path in sorted((ROOT / "conf/extractor/hub").glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        if content.get("revision") and "mteb" in path.read_text().splitlines()[0]:
            pinned[content["model"]] = content["revision"]
    assert len(pinned) == 9
    assert pinned == {name: mteb.get_model_meta(name).revision for name in pinned}


def test_without_mteb_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "mteb", None)
    with pytest.raises(ValueError, match="pip install mteb"):
        MtebExtractor("anything")
