"""Rearranged for inference, an encoder gives the same embeddings."""

import pytest
import torch
from torch import nn

from models.encoders import ENCODERS, random_encoder
from models.inference import for_inference


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
