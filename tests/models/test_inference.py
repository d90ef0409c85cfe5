"""Rearranged for inference, an encoder gives the same embeddings; what it can't take it refuses."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.encoders import ENCODERS, random_encoder
from models.inference import for_inference
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", ENCODERS)
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
        ("file.wav", 16_000, None, TypeError, "waveform is of type str: expected a tensor or an"),
        (Path("a"), 16_000, None, TypeError, "waveform is of type PosixPath: expected a tensor"),
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


def test_whole_rates_and_norms_of_other_types_are_taken(plain):
    waveform = np.random.default_rng(0).normal(0, 0.1, 16_000)
    expected = plain.embed(waveform, 16_000)
    for sample_rate in (16_000.0, np.int64(16_000), np.float32(16_000)):
        assert torch.equal(plain.embed(waveform, sample_rate), expected)
    assert torch.equal(plain.embed(waveform.tolist(), 16_000, np.array([-5.0, 4.0])), expected)
