"""Utterances padded to one batch have the embeddings that they have alone."""

import pytest
import torch

from models.encoders import ENCODERS, random_encoder

FRAMES = [8, 13, 96, 150, 151, 152, 153, 201]


@pytest.mark.parametrize("name", [n for n in ENCODERS if n != "resnetish34"])  # slow
def test_padding_does_not_leak(name: str):
    encoder = random_encoder(name).encoder
    generator = torch.Generator().manual_seed(1)
    for module in encoder.modules():  # norms that do something: padding must not pass them as zero
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            torch.nn.init.normal_(module.bias, generator=generator)
    log_mels = [torch.randn(1, 64, frames, generator=generator) for frames in FRAMES]
    batch = torch.full((len(FRAMES), 1, 64, max(FRAMES)), 1e3)  # whatever stands there
    for row, log_mel in zip(batch, log_mels, strict=True):
        row[..., : log_mel.shape[-1]] = log_mel
    with torch.no_grad():
        together = encoder(batch, torch.tensor(FRAMES))
        alone = torch.cat([encoder(log_mel[None]) for log_mel in log_mels])
    scale = alone.abs().mean()
    assert (together - alone).abs().max() < 1e-5 * max(1, scale)
