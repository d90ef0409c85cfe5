"""Encoders as extractors: normalisation, whole utterances, the control, wrong files."""

import numpy as np
import pytest
import torch

from models.checkpoint import load_encoder, save_encoder
from models.encoders import encoder_spec, random_encoder
from models.files import CheckpointError
from serab.extractors.encoder import EncoderExtractor, RandomExtractor
from tests.support.speech import voiced

WAVEFORMS = [voiced(seconds, 16_000, i) for i, seconds in enumerate((0.4, 1.3, 0.95, 2.1))]


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    model = random_encoder("cvt_small", seed=3)
    return save_encoder(
        tmp_path_factory.mktemp("run") / "encoder.safetensors",
        encoder_spec(model.encoder, model.frontend),
        model.encoder.state_dict(),
        norm=(-5.0, 4.0),
    )


def test_corpus_norm_is_the_mean_of_utterance_statistics(artefact):
    """Means and unbiased deviations of each utterance, averaged; not those of all frames."""
    extractor = EncoderExtractor(artefact, device="cpu").fit(WAVEFORMS)
    model = load_encoder(artefact)
    log_mels = [model.log_mel(torch.from_numpy(w)[None]).double() for w in WAVEFORMS]
    mean = np.mean([x.mean().item() for x in log_mels])
    std = np.mean([x.std(unbiased=True).item() for x in log_mels])
    assert extractor.state()["norm"] == pytest.approx([mean, std], rel=1e-5)
    expected = model.encode((log_mels[1].float() - mean) / std)[0].detach().numpy()
    assert extractor.transform(WAVEFORMS[1:2])[0] == pytest.approx(expected, abs=1e-4)


def test_log_mels_of_fitting_are_embedded_once_and_are_the_same(artefact, monkeypatch):
    """To the bit, whatever finds room; a waveform that isn't of the training part is computed."""
    embeddings = []
    sizes = [
        mel.nbytes for mel in map(EncoderExtractor(artefact, device="cpu")._log_mel, WAVEFORMS)
    ]
    for room in (2**27, sum(sizes[:2]), 0):
        monkeypatch.setattr("serab.extractors.log_mels.MAX_BYTES", room)
        extractor = EncoderExtractor(artefact, device="cpu").fit(WAVEFORMS[:3])
        held = len(extractor._kept._kept)
        embeddings += [extractor.transform(WAVEFORMS), extractor.transform(WAVEFORMS)]
        assert (held, len(extractor._kept._kept)) == ({2**27: 3, 0: 0}.get(room, 2), 0)
    assert all(np.array_equal(embeddings[0], other) for other in embeddings)


def test_an_embedding_doesn_t_depend_on_its_batch_mates(artefact):
    extractor = EncoderExtractor(artefact, device="cpu").fit(WAVEFORMS)
    together = extractor.transform(WAVEFORMS)
    assert together.shape == (4, 256)
    assert together.dtype == np.float32
    for waveform, embedding in zip(WAVEFORMS, together, strict=True):
        assert np.array_equal(extractor.transform([waveform])[0], embedding)


def test_pretraining_norm_needs_no_fit(artefact):
    extractor = EncoderExtractor(artefact, norm="pretraining", device="cpu")
    assert not extractor.needs_fit
    expected = load_encoder(artefact).embed(WAVEFORMS[0], 16_000)[0].numpy()
    assert extractor.transform(WAVEFORMS[:1])[0] == pytest.approx(expected, abs=1e-5)
    corpus = EncoderExtractor(artefact, device="cpu")
    assert corpus.fingerprint != extractor.fingerprint
    with pytest.raises(ValueError, match="fit"):
        corpus.transform(WAVEFORMS[:1])


def test_control_is_its_seed():
    one, same, other = (
        RandomExtractor("audio_ntt_512", seed=seed, device="cpu") for seed in (1, 1, 2)
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert one.name == "random_audio_ntt_512"


def test_wrong_files_are_named(artefact, tmp_path):
    with pytest.raises(CheckpointError, match="cvt_small"):
        EncoderExtractor(artefact, encoder="audio_ntt_512")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(artefact.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"cut\.safetensors"):
        EncoderExtractor(cut)
    with pytest.raises(CheckpointError, match="nowhere"):
        EncoderExtractor(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="corpus, pretraining"):
        EncoderExtractor(artefact, norm="mine")
    with pytest.raises(ValueError, match="ckpt="):
        EncoderExtractor(None)
