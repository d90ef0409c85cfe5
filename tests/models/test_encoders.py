"""Encoders: the paper's parameter counts, any number of frames, and their blocks written out."""

import pytest
import torch
from torch import nn

from models.audio_ntt import AudioNTT
from models.audio_ntt_2022 import AudioNTT2022
from models.cvt import ChannelNorm, CvT
from models.encoders import ENCODERS

MILLIONS = {
    "audio_ntt_512": 0.6,
    "audio_ntt_1024": 1.6,
    "audio_ntt_2048": 5.3,
    "cvt_small": 1.6,
    "cvt_large_512": 5.0,
    "cvt_large": 5.0,
    "audio_ntt_2022": 6.3,
    "resnetish34": 21.3,
}
"""Table 2; then the layers of BYOL-A 2022, and of a ResNet-34 less its classifier.

It is the encoder alone: no head, no target.
"""

EMBED_DIM = {
    "audio_ntt_512": 512,
    "audio_ntt_1024": 1024,
    "audio_ntt_2048": 2048,
    "cvt_small": 256,
    "cvt_large_512": 512,
    "cvt_large": 2048,
    "audio_ntt_2022": 3072,
    "resnetish34": 2048,
}


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    architecture, arguments = ENCODERS[name]
    return architecture(**arguments)


@pytest.mark.parametrize("name", ENCODERS)
def test_table_2(name: str):
    encoder = build(name)
    millions = sum(parameter.numel() for parameter in encoder.parameters()) / 1e6
    assert round(millions, 1) == MILLIONS[name]
    assert encoder.embed_dim == EMBED_DIM[name]
    assert encoder(torch.randn(2, 1, 64, 96)).shape == (2, EMBED_DIM[name])


@pytest.mark.parametrize("name", ["audio_ntt_512", "audio_ntt_2022", "cvt_small", "cvt_large"])
@pytest.mark.parametrize("frames", [8, 9, 33, 96, 1001, 6000])
def test_any_number_of_frames(name: str, frames: int):
    encoder = build(name).eval()
    with torch.no_grad():
        assert torch.isfinite(encoder(torch.randn(1, 1, 64, frames))).all()


@pytest.mark.parametrize("name", ["audio_ntt_512", "cvt_large"])
def test_an_embedding_does_not_depend_on_its_batch(name: str):
    encoder = build(name).eval()
    batch = torch.randn(5, 1, 64, 120)
    with torch.no_grad():
        torch.testing.assert_close(encoder(batch)[3:4], encoder(batch[3:4]), atol=1e-5, rtol=1e-4)


def test_audio_ntt_written_out():
    encoder = AudioNTT(16, channels=4).eval()
    log_mel = torch.randn(1, 1, 64, 40)
    with torch.no_grad():
        features = encoder.features(log_mel)[0]
        steps = []
        for t in range(features.shape[-1]):
            step = torch.stack([features[c, f, t] for f in range(8) for c in range(4)])
            steps.append(encoder.fc(step))
        steps = torch.stack(steps)
        torch.testing.assert_close(
            encoder(log_mel)[0], steps.max(0).values + steps.mean(0), atol=1e-6, rtol=1e-5
        )


def test_audio_ntt_2022_written_out():
    """Convolved features beside the MLP's, each time step, then maximum + mean over time."""
    encoder = AudioNTT2022(80, channels=4, hidden_dim=8).eval()
    log_mel = torch.randn(1, 1, 64, 40)
    with torch.no_grad():
        features = encoder.features(log_mel)[0]
        assert features.shape == (4, 16, 10)
        steps = []
        for t in range(10):
            local = torch.stack([features[c, f, t] for f in range(16) for c in range(4)])
            hidden = torch.relu(encoder.fc[0].weight @ local + encoder.fc[0].bias)
            rest = torch.relu(encoder.fc[3].weight @ hidden + encoder.fc[3].bias)
            steps.append(torch.cat([local, rest]))
        steps = torch.stack(steps)
        torch.testing.assert_close(
            encoder(log_mel)[0], steps.max(0).values + steps.mean(0), atol=1e-6, rtol=1e-5
        )


def test_channel_norm_divides_by_std_plus_eps():
    norm = ChannelNorm(6, eps=0.1)
    nn.init.normal_(norm.g)
    nn.init.normal_(norm.b)
    x = 0.05 * torch.randn(2, 6, 3, 4)
    mean, std = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True).sqrt()
    torch.testing.assert_close(norm(x), (x - mean) / (std + 0.1) * norm.g + norm.b)


def test_channel_norm_of_silence_has_a_gradient():
    x = torch.zeros(1, 4, 2, 2, requires_grad=True)
    ChannelNorm(4)(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_cvt_block_written_out():
    """Outer pre-norm, attention by softmax(q k / sqrt(64)) v, MLP, each with its residual."""
    encoder = CvT((8, 8, 8), "mean", heads=(2, 2, 2)).eval()
    stage = encoder.layers[0][2]
    attention, mlp = stage.layers[0]
    x = torch.randn(2, 8, 6, 10)
    with torch.no_grad():
        normed = attention.norm(x)
        q = attention.fn.to_q(normed).flatten(2)  # (2, 2 x 64, 60)
        k, v = (t.flatten(2) for t in attention.fn.to_kv(normed).chunk(2, dim=1))
        heads = []
        for h in range(2):
            rows = slice(64 * h, 64 * (h + 1))
            weights = (q[:, rows].mT @ k[:, rows] / 8).softmax(-1)
            heads.append((weights @ v[:, rows].mT).mT)
        y = attention.fn.to_out(torch.cat(heads, 1).unflatten(2, (6, 10))) + x
        expected = mlp.fn.net(mlp.norm(y)) + y
        torch.testing.assert_close(stage(x), expected, atol=1e-5, rtol=1e-4)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"pooling=median: expected one of mean, mel_mean_max"):
        CvT(pooling="median")
    with pytest.raises(ValueError, match="n_mels=60"):
        AudioNTT(n_mels=60)
    with pytest.raises(ValueError, match="n_mels=62"):
        AudioNTT2022(n_mels=62)
    with pytest.raises(ValueError, match=r"embed_dim=512: the convolutions alone give 1024"):
        AudioNTT2022(512)
