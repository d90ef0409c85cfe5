"""BYOL against its equations."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from models.byol import BYOL, embedding_std, regression_loss


class Tiny(nn.Module):
    embed_dim = 6

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(20, 6), nn.BatchNorm1d(6))

    def forward(self, log_mel):
        return self.layers(log_mel)


@pytest.fixture
def byol() -> BYOL:
    torch.manual_seed(0)
    return BYOL(Tiny(), projector_dim=4, hidden_dim=8, tau=0.9)


def test_loss_is_symmetric_cosine(byol: BYOL):
    v, v2 = torch.randn(2, 5, 1, 4, 5)
    expected = 0
    for online, target in ((v, v2), (v2, v)):
        q = byol.predictor(byol.projector(byol.encoder(online)))
        z = byol.target_projector(byol.target_encoder(target))
        expected = expected + (2 - 2 * cosine_similarity(q, z)).mean()
    torch.testing.assert_close(byol(v, v2).loss, expected)
    torch.testing.assert_close(byol(v2, v).loss, expected)


def test_loss_of_equal_and_opposite_vectors():
    q = torch.randn(3, 4)
    torch.testing.assert_close(regression_loss(q, 5 * q), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(regression_loss(q, -q), torch.full((3,), 4.0))


def test_target_has_no_gradient_and_follows(byol: BYOL):
    byol(*torch.randn(2, 5, 1, 4, 5)).loss.backward()
    target = [*byol.target_encoder.parameters(), *byol.target_projector.parameters()]
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in target)
    assert all(p.grad is not None for p in byol.parameters() if p.requires_grad)

    before = [parameter.clone() for parameter in target]
    online = [*byol.encoder.parameters(), *byol.projector.parameters()]
    for parameter in online:
        parameter.data += torch.randn_like(parameter)
    byol.update_target()
    for old, new, theta in zip(before, target, online, strict=True):
        torch.testing.assert_close(new, 0.9 * old + 0.1 * theta)


def test_ema_leaves_batch_norm_statistics_alone(byol: BYOL):
    byol.encoder.layers[2].running_mean += 3
    before = byol.target_encoder.layers[2].running_mean.clone()
    byol.update_target()
    assert torch.equal(byol.target_encoder.layers[2].running_mean, before)


def test_embedding_std():
    torch.manual_seed(0)
    assert embedding_std(torch.randn(500, 64)) == pytest.approx(1, abs=0.05)
    assert embedding_std(torch.ones(500, 64)) == pytest.approx(0, abs=1e-6)
