"""The official CvT weights: their key layout written out, and the network they were trained with.

The oracle knows the state dict only; nothing of `models.cvt` is in it.
"""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, gelu

from models.checkpoint import load_encoder
from models.encoders import ENCODERS
from models.files import CheckpointError

HEADS = (1, 3, 6)
KERNELS = (7, 3, 3)
STRIDES = (4, 2, 2)
CVT = [name for name in ENCODERS if name.startswith("cvt")]


def official(dims: list[int]) -> dict[str, Tensor]:
    """Random weights under the keys and shapes of the released files."""
    draw = torch.Generator().manual_seed(0)
    weights: dict[str, Tensor] = {}

    def add(key: str, *shape: int, around: float = 0.0, scale: float | None = None) -> None:
        fan_in = shape[1] * shape[2] * shape[3] if len(shape) == 4 else 25
        scale = fan_in**-0.5 if scale is None else scale
        weights[key] = around + scale * torch.randn(shape, generator=draw)

    def norm(key: str, dim: int) -> None:
        add(f"{key}.g", 1, dim, 1, 1, around=1.0, scale=0.2)
        add(f"{key}.b", 1, dim, 1, 1, scale=0.2)

    def depthwise(key: str, dim: int, out: int) -> None:
        add(f"{key}.net.0.weight", dim, 1, 3, 3)
        add(f"{key}.net.1.weight", dim, around=1.0)
        add(f"{key}.net.1.bias", dim)
        add(f"{key}.net.1.running_mean", dim)
        add(f"{key}.net.1.running_var", dim, around=1.5, scale=0.1)
        weights[f"{key}.net.1.num_batches_tracked"] = torch.tensor(1000)
        add(f"{key}.net.2.weight", out, dim, 1, 1)

    before = 1
    for stage, (dim, heads, kernel) in enumerate(zip(dims, HEADS, KERNELS, strict=True)):
        add(f"layers.{stage}.0.weight", dim, before, kernel, kernel)
        add(f"layers.{stage}.0.bias", dim)
        norm(f"layers.{stage}.1", dim)
        attention, mlp = (f"layers.{stage}.2.layers.0.{i}" for i in (0, 1))
        norm(f"{attention}.norm", dim)
        depthwise(f"{attention}.fn.to_q", dim, 64 * heads)
        depthwise(f"{attention}.fn.to_kv", dim, 2 * 64 * heads)
        add(f"{attention}.fn.to_out.0.weight", dim, 64 * heads, 1, 1)
        add(f"{attention}.fn.to_out.0.bias", dim)
        norm(f"{mlp}.norm", dim)
        add(f"{mlp}.fn.net.0.weight", 4 * dim, dim, 1, 1)
        add(f"{mlp}.fn.net.0.bias", 4 * dim)
        add(f"{mlp}.fn.net.3.weight", dim, 4 * dim, 1, 1)
        add(f"{mlp}.fn.net.3.bias", dim)
        before = dim
    return weights


def oracle(weights: dict[str, Tensor], log_mel: Tensor, pooling: str) -> Tensor:
    """(B, 1, 64, T) -> (B, D) in double precision, from the state dict alone."""
    w = {key: value.double() for key, value in weights.items()}

    def norm(x: Tensor, key: str) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        std = centred.square().mean(1, keepdim=True).sqrt()
        return centred / (std + 1e-5) * w[f"{key}.g"] + w[f"{key}.b"]

    def depthwise(x: Tensor, key: str, stride: int) -> Tensor:
        x = conv2d(x, w[f"{key}.net.0.weight"], stride=stride, padding=1, groups=x.shape[1])
        statistics = (w[f"{key}.net.1.{name}"] for name in ("running_mean", "running_var"))
        x = batch_norm(x, *statistics, w[f"{key}.net.1.weight"], w[f"{key}.net.1.bias"])
        return conv2d(x, w[f"{key}.net.2.weight"])

    def pointwise(x: Tensor, key: str) -> Tensor:
        return conv2d(x, w[f"{key}.weight"], w[f"{key}.bias"])

    x = log_mel.double()
    for stage, heads in enumerate(HEADS):
        conv = f"layers.{stage}.0"
        x = conv2d(
            x,
            w[f"{conv}.weight"],
            w[f"{conv}.bias"],
            stride=STRIDES[stage],
            padding=KERNELS[stage] // 2,
        )
        x = norm(x, f"layers.{stage}.1")
        attention, mlp = (f"layers.{stage}.2.layers.0.{i}" for i in (0, 1))
        normed = norm(x, f"{attention}.norm")
        q = depthwise(normed, f"{attention}.fn.to_q", 1)
        kv = depthwise(normed, f"{attention}.fn.to_kv", 2)
        attended = []
        for head in range(heads):
            rows = slice(64 * head, 64 * head + 64)
            q_head = q[:, rows].flatten(2)
            k_head = kv[:, : 64 * heads][:, rows].flatten(2)
            v_head = kv[:, 64 * heads :][:, rows].flatten(2)
            share = torch.einsum("bdi,bdj->bij", q_head, k_head).div(8).softmax(-1)
            attended.append(torch.einsum("bij,bdj->bdi", share, v_head))
        attended = torch.cat(attended, 1).unflatten(2, x.shape[2:])
        x = x + pointwise(attended, f"{attention}.fn.to_out.0")
        hidden = gelu(pointwise(norm(x, f"{mlp}.norm"), f"{mlp}.fn.net.0"))
        x = x + pointwise(hidden, f"{mlp}.fn.net.3")
    if pooling == "mean":
        return x.mean((2, 3))
    bins = [x[:, :, mel].mean(-1) + x[:, :, mel].amax(-1) for mel in range(x.shape[2])]
    return torch.cat(bins, 1)


@pytest.mark.parametrize("name", CVT)
def test_official_file_gives_what_its_network_gave(name: str, tmp_path: Path):
    arguments = ENCODERS[name][1]
    weights = official(arguments["stage_dims"])
    torch.save(weights, tmp_path / "weights.pth")
    encoder = load_encoder(tmp_path / "weights.pth", encoder=name)
    log_mel = torch.randn(2, 1, 64, 77, generator=torch.Generator().manual_seed(1))
    expected = oracle(weights, log_mel, arguments["pooling"])
    assert expected.std() > 0.1
    got = encoder.encode(log_mel)
    assert got.shape == expected.shape == (2, encoder.embed_dim)
    torch.testing.assert_close(got.double(), expected, atol=1e-5, rtol=1e-5)


def test_a_missing_or_strange_entry_is_refused(tmp_path: Path):
    weights = official([64, 128, 256])
    del weights["layers.1.2.layers.0.1.fn.net.3.bias"]
    torch.save(weights, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=r"don't fit cvt_small .*layers\.1\.2\.layers\.0\.1"):
        load_encoder(tmp_path / "weights.pth")
    torch.save(official([32, 64, 128]), tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=r"stages \[32, 64, 128\].* no encoder of the paper"):
        load_encoder(tmp_path / "weights.pth")
