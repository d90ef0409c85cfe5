"""ResNetish-34: torchvision's ResNet as the oracle, the released key layout, padding, inference."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import resnet34

from models.checkpoint import load_encoder
from models.files import CheckpointError
from models.inference import for_inference
from models.resnetish import ResNetish

FRAMES = [1, 8, 13, 32, 33, 47, 48]


def restless(encoder: nn.Module) -> nn.Module:
    """Norms that do something: padding must not pass them as zero."""
    generator = torch.Generator().manual_seed(1)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.normal_(module.bias, generator=generator)
    return encoder.eval()


@pytest.fixture(scope="module")
def oracle() -> nn.Module:
    torch.manual_seed(0)
    network = resnet34()
    network.conv1 = nn.Conv2d(1, 64, 7, stride=1, padding=3, bias=False)
    network.fc = nn.Identity()
    return restless(network)


def test_the_released_layout_and_torchvision_s_features(oracle: nn.Module, tmp_path: Path):
    torch.save(oracle.state_dict(), tmp_path / "resnetish34.pth")
    model = load_encoder(tmp_path / "resnetish34.pth", "resnetish34")
    assert (model.name, model.embed_dim) == ("resnetish34", 2048)
    log_mel = torch.randn(2, 1, 64, 40)
    with torch.no_grad():
        x = oracle.maxpool(oracle.relu(oracle.bn1(oracle.conv1(log_mel))))
        x = oracle.layer4(oracle.layer3(oracle.layer2(oracle.layer1(x))))
        steps = x.permute(0, 3, 2, 1).flatten(2)  # time, then mel bins of channels
        expected = steps.mean(1) + steps.amax(1)
        assert torch.allclose(model.encoder(log_mel), expected, rtol=1e-4, atol=1e-4)


def test_what_lacks_a_block_is_refused(oracle: nn.Module, tmp_path: Path):
    weights = oracle.state_dict()
    torch.save({k: v for k, v in weights.items() if "layer3.4" not in k}, tmp_path / "cut.pth")
    with pytest.raises(CheckpointError, match=r"don't fit ResNetish .lacks layer3"):
        load_encoder(tmp_path / "cut.pth")
    torch.save({**weights, "fc.weight": torch.zeros(2, 512)}, tmp_path / "classifier.pth")
    with pytest.raises(CheckpointError, match=r"fc\.weight is unknown to it"):
        load_encoder(tmp_path / "classifier.pth")


def test_padding_does_not_leak_and_inference_is_the_same():
    torch.manual_seed(0)
    encoder = restless(ResNetish([1, 1, 2, 1], channels=8))
    log_mels = [torch.randn(1, 64, frames) for frames in FRAMES]
    batch = torch.full((len(FRAMES), 1, 64, max(FRAMES)), 1e3)  # whatever stands there
    for row, log_mel in zip(batch, log_mels, strict=True):
        row[..., : log_mel.shape[-1]] = log_mel
    rearranged = for_inference(encoder)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in rearranged.modules())
    with torch.no_grad():
        together = encoder(batch, torch.tensor(FRAMES))
        alone = torch.cat([encoder(log_mel[None]) for log_mel in log_mels])
        rearranged_alone = torch.cat([rearranged(log_mel[None]) for log_mel in log_mels])
    limit = 1e-5 * max(1, alone.abs().mean())
    assert (together - alone).abs().max() < limit
    assert (rearranged_alone - alone).abs().max() < 10 * limit


def test_mel_bands_it_can_t_divide():
    with pytest.raises(ValueError, match=r"frontend\.n_mels=40: ResNetish divides it by 16"):
        ResNetish(n_mels=40)
