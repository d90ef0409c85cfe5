"""VGGish, YAMNet and TRILL: SavedModels of the published signatures through the real loader."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import voiced

from serab.extractors.saved_model import (
    FRAME,
    HOP,
    SIGNATURES,
    SavedModelExtractor,
    waveform_frames,
)


def test_frames_don_t_overlap_and_short_clips_are_padded():
    ramp = np.arange(100_000, dtype=np.float32)
    frames = waveform_frames(ramp)
    assert [frame[0] for frame in frames] == [0, HOP, 2 * HOP, 3 * HOP, 4 * HOP, 5 * HOP]
    assert {len(frame) for frame in frames} == {FRAME}
    (short,) = waveform_frames(np.ones(100, dtype=np.float32))
    assert len(short) == FRAME
    assert short.sum() == 100
    assert len(waveform_frames(np.ones(FRAME + HOP - 1, dtype=np.float32))) == 1


def test_without_tensorflow_the_error_says_what_to_install(monkeypatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ValueError, match=r"pip install -r requirements-tf\.txt"):
        SavedModelExtractor("vggish", str(tmp_path))
    with pytest.raises(ValueError, match="expected one of vggish, yamnet, trill"):
        SavedModelExtractor("resnet", str(tmp_path))
    with pytest.raises(ValueError, match="expected one of paper, model"):
        SavedModelExtractor("vggish", str(tmp_path), framing="mine")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Directories of SavedModels with the inputs, outputs, names and dimensions of the real ones.

    VGGish cuts frames of 15,600 samples every 15,360 and needs a whole one; YAMNet pads and cuts
    every 7,680; TRILL takes keyword arguments, one waveform or a batch, and names its layers.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    tf = pytest.importorskip("tensorflow", reason="needs requirements-tf.txt")

    def project(frames, width: int, seed: int):
        weights = tf.random.stateless_normal([64, width], seed=[seed, 0])
        power = tf.abs(tf.signal.stft(frames, 400, 160, 512))
        mel = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7_500.0)
        return tf.reduce_mean(tf.math.log(power @ mel + 0.01), axis=1) @ weights

    waveform = tf.TensorSpec([None], tf.float32)

    class VGGish(tf.Module):
        @tf.function(input_signature=[waveform])
        def __call__(self, waveform):
            return project(tf.signal.frame(waveform, FRAME, HOP), 128, 1)

    class YAMNet(tf.Module):
        @tf.function(input_signature=[waveform])
        def __call__(self, waveform):
            missing = tf.maximum(0, FRAME - tf.shape(waveform)[0])
            frames = tf.signal.frame(tf.pad(waveform, [[0, missing]]), FRAME, HOP // 2)
            log_mel = tf.math.log(tf.abs(tf.signal.stft(waveform, 400, 160, 512)) + 0.01)
            return tf.sigmoid(project(frames, 521, 2)), project(frames, 1024, 3), log_mel[:, :64]

    class TRILL(tf.Module):
        @tf.function
        def __call__(self, samples, sample_rate):
            frames = tf.signal.frame(samples, FRAME, 2_720, pad_end=True)
            if len(samples.shape) == 2:
                frames = tf.reshape(frames, [-1, FRAME])
            return {"embedding": project(frames, 512, 4), "layer19": project(frames, 12_288, 5)}

    trill = TRILL()
    for spec in (waveform, tf.TensorSpec([None, None], tf.float32)):
        trill.__call__.get_concrete_function(spec, tf.TensorSpec([], tf.int32))
    root = tmp_path_factory.mktemp("saved_models")
    for name, module in (("vggish", VGGish()), ("yamnet", YAMNet()), ("trill", trill)):
        tf.saved_model.save(module, str(root / name))
    return {name: str(root / name) for name in SIGNATURES}


@pytest.mark.parametrize(
    ("kind", "embed_dim"), [("vggish", 128), ("yamnet", 1024), ("trill", 12_288)]
)
def test_table_2(models: dict[str, str], kind: str, embed_dim: int):
    extractor = SavedModelExtractor(kind, models[kind])
    waveforms = [voiced(seconds, 16_000, 7) for seconds in (0.01, 0.1, 0.97, 3.3)]
    embeddings = extractor.transform(waveforms)
    assert embeddings.shape == (4, embed_dim)
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()
    assert np.array_equal(extractor.transform(waveforms[::-1])[::-1], embeddings)
    frames = np.concatenate([extractor._frames(frame) for frame in waveform_frames(waveforms[3])])
    assert embeddings[3] == pytest.approx(frames.mean(0), rel=1e-5, abs=1e-5)


def test_our_frames_are_vggish_s_own(models: dict[str, str]):
    waveform = voiced(5.0, 16_000, 8)
    ours, whole = (
        SavedModelExtractor("vggish", models["vggish"], framing).transform([waveform])
        for framing in ("paper", "model")
    )
    assert ours == pytest.approx(whole, abs=1e-5)
    ours, whole = (
        SavedModelExtractor("yamnet", models["yamnet"], framing) for framing in ("paper", "model")
    )
    assert ours.fingerprint != whole.fingerprint
    assert not np.allclose(ours.transform([waveform]), whole.transform([waveform]), atol=1e-4)


def test_other_models_are_refused(models: dict[str, str], tmp_path: Path):
    for kind, other in (("vggish", "yamnet"), ("yamnet", "vggish"), ("trill", "vggish")):
        with pytest.raises(ValueError, match=other) as caught:
            SavedModelExtractor(kind, models[other])
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"no SavedModel there"):
        SavedModelExtractor("vggish", str(tmp_path))
    (tmp_path / "saved_model.pb").write_bytes(
        Path(models["trill"], "saved_model.pb").read_bytes()[:999]
    )
    with pytest.raises(ValueError, match="can't be loaded as a SavedModel"):
        SavedModelExtractor("trill", str(tmp_path))
    with pytest.raises(ValueError, match=r"can't be downloaded"):
        SavedModelExtractor("trill", "http://127.0.0.1:9/trill/3")
