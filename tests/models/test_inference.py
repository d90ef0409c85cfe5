"""Rearranged for inference, an encoder gives the same embeddings; what it can't take it refuses."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from torch import nn

from datamodules import audio
from models import long_recordings, speech_encoder
from models.audio_ntt import AudioNTT
from models.audio_ntt_2022 import AudioNTT2022
from models.encoders import ENCODERS, random_encoder
from models.frontend import LogMel
from models.inference import for_inference
from models.speech_encoder import SpeechEncoder
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", [n for n in ENCODERS if n != "resnetish34"])  # slow
def test_same_embeddings(name: str):
    encoder = random_encoder(name).encoder
    generator = torch.Generator().manual_seed(1)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.normal_(module.weight, generator=generator)
            nn.init.normal_(module.bias, generator=generator)
    log_mel = torch.randn(3, 1, 64, 131, generator=generator)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    rearranged = for_inference(encoder)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in rearranged.modules())
    with torch.no_grad():
        expected = encoder(log_mel)
        frames = torch.tensor([131, 90, 131])
        for frame_counts in (None, frames):
            difference = rearranged(log_mel, frame_counts) - encoder(log_mel, frame_counts)
            assert difference.abs().max() < 1e-5 * max(1, expected.abs().max())
    assert all(torch.equal(before[k], v) for k, v in encoder.state_dict().items())


def test_training_mode_is_refused():
    with pytest.raises(ValueError, match="training mode"):
        for_inference(random_encoder("cvt_small").encoder.train())


@pytest.fixture(scope="module")
def plain():
    """An encoder of the class as users have it, without the suite's checks of annotations."""
    encoder = random_encoder("cvt_small")
    made = runpy.run_path(str(ROOT / "models/speech_encoder.py"))["SpeechEncoder"]
    return made(encoder.encoder, encoder.frontend, (-5.0, 4.0), "cvt_small").eval()


@pytest.mark.parametrize(
    ("waveform", "sample_rate", "norm", "kind", "sentence"),
    [
        (0.1, "16000", None, TypeError, "sample_rate='16000': expected a whole number of Hz"),
        (0.1, None, None, TypeError, "sample_rate=None: expected a whole number of Hz above 0"),
        (0.1, True, None, TypeError, "sample_rate=True: expected a whole"),
        (0.1, 0, None, ValueError, "sample_rate=0: expected a whole number of Hz above 0, such as"),
        (0.1, -16_000, None, ValueError, "sample_rate=-16000: expected a whole"),
        (0.1, 16_000.5, None, ValueError, "sample_rate=16000.5: expected a whole"),
        (0.1, float("nan"), None, ValueError, "sample_rate=nan: expected a whole"),
        ("file.wav", 16_000, None, ValueError, "file.wav: no such file; check the path"),
        (Path("a"), None, None, ValueError, "a: no such file; check the path"),
        (np.zeros((900, 2)), 16_000, None, ValueError, r"waveform has shape \(900, 2\): as "),
        (2000.0, 16_000, None, ValueError, r"waveform holds samples up to 2e\+03: expected floats"),
        (None, 16_000, None, TypeError, "waveform is of type NoneType: expected a tensor"),
        (np.zeros(9, np.int16), 16_000, None, TypeError, "waveform holds int16: expected floats"),
        (
            0.1,
            16_000,
            (-5.0, 0.0),
            ValueError,
            r"norm=\(-5.0, 0.0\): expected \(mean, std\) of the",
        ),
        (0.1, 16_000, (-5.0, float("nan")), ValueError, "norm=.*finite and std above 0"),
        (0.1, 16_000, (-5.0,), TypeError, r"norm=\(-5.0,\): expected \(mean, std\)"),
        (0.1, 16_000, "zero", TypeError, r"norm='zero': expected \(mean, std\)"),
    ],
)
def test_what_embed_cannot_take_is_one_sentence(plain, waveform, sample_rate, norm, kind, sentence):
    if isinstance(waveform, float):
        waveform = torch.full((16_000,), waveform)
    with pytest.raises(kind, match=f"^{sentence}"):
        plain.embed(waveform, sample_rate, norm)


def test_a_file_and_an_array_with_its_channels_last(plain, tmp_path: Path):
    both = np.random.default_rng(0).normal(0, 0.1, (44_100, 2)).astype(np.float32)
    sf.write(tmp_path / "a.wav", both, 44_100, subtype="FLOAT")
    expected = plain.embed(both.mean(axis=1), 44_100)
    torch.testing.assert_close(plain.embed(tmp_path / "a.wav"), expected)
    torch.testing.assert_close(plain.embed(str(tmp_path / "a.wav"), 44_100), expected)
    torch.testing.assert_close(plain.embed(both, 44_100, channels_last=True), expected)
    with pytest.raises(ValueError, match=r"sample_rate=16000: .*a\.wav has 44100 Hz"):
        plain.embed(tmp_path / "a.wav", 16_000)


def test_too_loud_is_the_same_for_files_and_arrays():
    assert speech_encoder.LOUDEST == audio.LOUDEST


@pytest.mark.parametrize("encoder", [AudioNTT(64), AudioNTT2022(1100, hidden_dim=32)])
def test_long_recordings_in_pieces_are_embedded_as_in_one(encoder, monkeypatch):
    """Lengths whose last piece is whole, nearly empty, and not a whole number of frames."""
    monkeypatch.setattr(speech_encoder, "PIECE", 1100)
    monkeypatch.setattr(long_recordings, "PIECE", 1100)
    frozen = SpeechEncoder(encoder.eval(), LogMel(), (-5.0, 4.0), "any")
    for samples in (160 * 4400, 160 * 1101 + 7, 160 * 2205 + 159):
        waveform = 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(samples))
        with torch.no_grad():
            log_mel = frozen.frontend(waveform)
            whole = encoder((log_mel + 5) / 4)
        torch.testing.assert_close(frozen.log_mel(waveform), log_mel, rtol=0, atol=1e-5)
        torch.testing.assert_close(frozen.embed(waveform, 16_000), whole, rtol=1e-5, atol=1e-6)


def test_whole_rates_and_norms_of_other_types_are_taken(plain):
    waveform = np.random.default_rng(0).normal(0, 0.1, 16_000)
    expected = plain.embed(waveform, 16_000)
    for sample_rate in (16_000.0, np.int64(16_000), np.float32(16_000)):
        assert torch.equal(plain.embed(waveform, sample_rate), expected)
    assert torch.equal(plain.embed(waveform.tolist(), 16_000, np.array([-5.0, 4.0])), expected)
