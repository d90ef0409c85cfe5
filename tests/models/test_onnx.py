"""ONNX files: the embeddings of torch for any batch and length, and clear refusals."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.checkpoint import save_encoder
from models.encoders import encoder_spec, random_encoder
from models.frontend import LogMel
from models.onnx.__main__ import main
from models.onnx.export import ConvolvedLogMel, export_onnx
from models.speech_encoder import SpeechEncoder
from tests.support.speech import voiced

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
pytest.importorskip("onnxscript", reason="the extra `onnx` is not installed")

NORM = (-8.0, 5.0)


@pytest.fixture
def one_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.onnx.export.PROBES", ((1, 0.95),))


def lively(name: str) -> SpeechEncoder:
    """Random weights whose norms are not the identity."""
    encoder = random_encoder(name, seed=3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        for key, value in encoder.encoder.state_dict().items():
            if key.endswith(("running_mean", "running_var", ".g")):
                value.add_(0.3 * torch.rand_like(value))
    return encoder


@pytest.mark.parametrize("name", ["audio_ntt_2022", "cvt_small"])
def test_any_batch_and_length_gives_torchs_embedding(name: str, tmp_path: Path):
    encoder = lively(name)
    assert export_onnx(encoder, tmp_path / "encoder.onnx", NORM) < 1e-4
    hold_against(encoder, tmp_path / "encoder.onnx")


def hold_against(encoder: SpeechEncoder, path: Path) -> None:
    session = onnxruntime.InferenceSession(path)
    for batch, samples in ((1, 1), (1, 700), (3, 1_279), (1, 15_200), (2, 50_017)):
        waveform = np.stack([voiced(4.0, 16_000, seed)[:samples] for seed in range(batch)])
        expected = encoder.embed(waveform, 16_000, NORM).numpy()
        (got,) = session.run(None, {"waveform": waveform})
        assert got.shape == (batch, encoder.embed_dim)
        np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max(), rtol=0)
    (waveform,), (embedding,) = session.get_inputs(), session.get_outputs()
    assert (waveform.shape, embedding.shape) == (["batch", "samples"], ["batch", encoder.embed_dim])
    about = session.get_modelmeta().custom_metadata_map
    assert (about["name"], about["sample_rate"]) == (encoder.name, "16000")
    assert (about["norm"], about["fingerprint"]) == ("-8.0 5.0", encoder.fingerprint)


@pytest.mark.parametrize("win_length", [400, 1024, 801])
def test_front_end_as_a_convolution(win_length: int):
    frontend = LogMel(win_length=win_length)
    waveform = torch.from_numpy(np.stack([voiced(1.3, 16_000, seed) for seed in range(3)]))
    waveform[0, 4_000:9_000] = 0  # silence is log(eps) in both
    torch.testing.assert_close(
        ConvolvedLogMel(frontend)(waveform), frontend(waveform), atol=2e-3, rtol=0
    )


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], one_probe: None):
    encoder = lively("audio_ntt_512")
    spec = encoder_spec(encoder.encoder, encoder.frontend)
    source = save_encoder(
        tmp_path / "encoder.safetensors", spec, encoder.encoder.state_dict(), NORM
    )
    main([str(source), "--out", str(tmp_path / "new" / "encoder.onnx")])
    assert "audio_ntt_512" in capsys.readouterr().out
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["encoder.onnx"]
    hold_against(encoder, tmp_path / "new" / "encoder.onnx")


def test_weights_without_norm_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"without normalisation statistics; give --norm"):
        export_onnx(random_encoder("cvt_small"), tmp_path / "encoder.onnx")
    with pytest.raises(SystemExit, match=r"error: .*no such file"):
        main([str(tmp_path / "nothing"), "--out", str(tmp_path / "encoder.onnx")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("norm", ["-5 0", "-5 -4", "-5 nan", "-5 inf", "nan 4"])
def test_a_norm_of_no_use_is_refused(norm: str, tmp_path: Path):
    encoder = random_encoder("cvt_small")
    spec = encoder_spec(encoder.encoder, encoder.frontend)
    weights = tmp_path / "encoder.safetensors"
    save_encoder(weights, spec, encoder.encoder.state_dict(), NORM)
    sentence = rf"error: --norm {norm}: expected MEAN STD of your log-mels, finite and"
    with pytest.raises(SystemExit, match=sentence):
        main([str(weights), "--out", str(tmp_path / "new" / "x.onnx"), "--norm", *norm.split()])
    assert list(tmp_path.iterdir()) == [weights]


def test_a_graph_that_differs_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_probe: None
):
    other = random_encoder("audio_ntt_512", seed=1).encoder
    monkeypatch.setattr("models.onnx.export.for_inference", lambda encoder: other)
    with pytest.raises(ValueError, match=r"differ from torch's by .*; nothing was written"):
        export_onnx(random_encoder("audio_ntt_512"), tmp_path / "encoder.onnx", NORM)
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"encoder.onnx: can't be written"):
        export_onnx(random_encoder("audio_ntt_512"), tmp_path / "file" / "encoder.onnx", NORM)
