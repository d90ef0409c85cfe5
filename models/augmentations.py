"""The two views of a log-mel: norm, mixup, random resize crop, norm; batched, on the device.

What must survive a restart (running norm, mixup memory) lives in buffers. Random numbers come from
torch's global generator, which the training module seeds anew for each batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.compute.distributed import moments, world_size

EPS = torch.finfo(torch.float32).eps


class RunningNorm(nn.Module):
    """Normalise by the mean and standard deviation of all values seen so far.

    While `updating`, a batch enters the statistics before it is normalised. They merge exactly
    (Chan et al. 1979), so they equal those of all clips at once, up to rounding.

    Args:
        shared: over the clips of all processes, or each process over its own.
    """

    clips: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, shared: bool = True):
        super().__init__()
        self.shared = shared
        self.register_buffer("clips", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("variance", torch.ones(()))
        self.updating = True

    @property
    def std(self) -> Tensor:
        return self.variance.sqrt().clamp_min(EPS)

    def forward(self, log_mel: Float[Tensor, "B 1 F T"]) -> Float[Tensor, "B 1 F T"]:
        if self.training and self.updating:
            self._update(log_mel)
        return (log_mel - self.mean) / self.std

    def _update(self, log_mel: Tensor) -> None:
        variance, mean = moments(log_mel, self.shared)
        new = len(log_mel) * (world_size() if self.shared else 1)
        clips = self.clips + new
        share = new / clips
        delta = mean - self.mean
        self.variance += share * (variance - self.variance) + share * (1 - share) * delta**2
        self.mean += share * delta
        self.clips.copy_(clips)


class Mixup(nn.Module):
    """Mix a little of a past clip into each clip, in the linear domain.

    `log((1 - a) exp(x) + a exp(z) + eps)` with `a ~ U(0, ratio)` and z from a first-in-first-out
    memory of past inputs (BYOL-A, section III-B). While the memory is empty x stays as it is.

    Args:
        ratio: upper end of a.
        memory_size: clips that the memory holds.
        n_mels, frames: shape of a clip.
    """

    memory: Tensor
    seen: Tensor

    def __init__(
        self, ratio: float = 0.4, memory_size: int = 2048, n_mels: int = 64, frames: int = 96
    ):
        super().__init__()
        self.ratio = ratio
        self.register_buffer("memory", torch.zeros(memory_size, 1, n_mels, frames))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def draw(self, batch: int) -> tuple[Float[Tensor, "B"], Int[Tensor, "B"]]:
        """Shares a in [0, ratio) and places of z in the memory; a = 0 while it is empty."""
        device = self.memory.device
        filled = self.seen.clamp_max(len(self.memory))
        share = torch.rand(batch, device=device) * self.ratio * (filled > 0)
        index = (torch.rand(batch, device=device) * filled).long()
        return share, index.clamp_max(len(self.memory) - 1)

    def mix(
        self, log_mel: Float[Tensor, "B 1 F T"], share: Float[Tensor, "V"], index: Int[Tensor, "V"]
    ) -> Float[Tensor, "V 1 F T"]:
        """Apply a draw, as many views of each clip as it has."""
        views = len(share) // len(log_mel)
        a = rearrange(share, "v -> v 1 1 1")
        linear = log_mel.exp().repeat(views, 1, 1, 1)
        mixed = linear.lerp_(self.memory[index].exp_(), a).add_(EPS).log_()
        return torch.where(a > 0, mixed, log_mel.repeat(views, 1, 1, 1))

    @torch.no_grad()
    def remember(self, log_mel: Float[Tensor, "B 1 F T"]) -> None:
        """Put a batch into the memory, over its oldest clips."""
        size = len(self.memory)
        skipped = max(0, len(log_mel) - size)
        batch = log_mel[skipped:]
        index = (self.seen + skipped + torch.arange(len(batch), device=batch.device)) % size
        self.memory.index_copy_(0, index, batch.to(self.memory.dtype))
        self.seen += len(log_mel)


class RandomResizeCrop(nn.Module):
    """Crop a random box of a zero canvas around the clip and resize it back, bicubic.

    A crop and a resize along one axis are one small matrix, so the whole batch is two batched
    matrix products; equal to `F.interpolate(..., mode="bicubic", align_corners=True)` of each crop.

    Args:
        canvas: canvas size over clip size, (frequency, time).
        scale: range of crop size over clip size, for both axes; clipped to the canvas.
    """

    def __init__(
        self,
        canvas: Sequence[float] = (1.0, 1.5),
        scale: Sequence[float] = (0.6, 1.5),
    ):
        super().__init__()
        self.canvas, self.scale = tuple(canvas), tuple(scale)

    def draw(
        self, batch: int, size: Sequence[int], device: torch.device | str
    ) -> Int[Tensor, "2 B 2"]:
        """Boxes on the canvas, (axis, clip, (start, length)), axes (frequency, time)."""
        low, high = self.scale
        boxes = []
        for axis in (0, 1):
            canvas = int(size[axis] * self.canvas[axis])
            length = (low + (high - low) * torch.rand(batch, device=device)) * size[axis]
            length = length.long().clamp(1, canvas)
            room = canvas - length + 1
            start = (torch.rand(batch, device=device) * room).long().minimum(room - 1)
            boxes.append(torch.stack([start, length], dim=-1))
        return torch.stack(boxes)

    def crop(
        self, log_mel: Float[Tensor, "B 1 F T"], boxes: Int[Tensor, "2 B 2"]
    ) -> Float[Tensor, "B 1 F T"]:
        """Apply a draw."""
        rows, columns = (
            _resize_matrix(boxes[axis], log_mel.shape[2 + axis], self.canvas[axis])
            for axis in (0, 1)
        )
        x = rearrange(log_mel, "b 1 f t -> b f t")
        return rearrange(rows @ x @ columns.mT, "b f t -> b 1 f t")

    def forward(self, log_mel: Float[Tensor, "B 1 F T"]) -> Float[Tensor, "B 1 F T"]:
        return self.crop(log_mel, self.draw(len(log_mel), log_mel.shape[2:], log_mel.device))


def _resize_matrix(box: Int[Tensor, "B 2"], size: int, canvas: float) -> Float[Tensor, "B N N"]:
    """Matrix (out, in) that crops `box` of the canvas along one axis and resizes it to `size`."""
    start, length = (rearrange(b, "b -> b 1 1") for b in box.unbind(-1))
    margin = (int(size * canvas) - size) // 2
    out = torch.arange(size, device=box.device)
    position = rearrange(out, "o -> 1 o 1") * ((length - 1) / max(size - 1, 1))  # corners aligned
    nearest = position.floor()
    tap = torch.arange(-1, 3, device=box.device)
    weight = _cubic(position - nearest - tap)
    source = (nearest.long() + tap).minimum(length - 1).clamp_min(0) + start - margin
    inside = (source >= 0) & (source < size)  # the rest of the canvas is zero
    matrix = torch.zeros(len(box), size, size, device=box.device)
    return matrix.scatter_add_(2, source.clamp(0, size - 1), weight * inside)


def _cubic(distance: Tensor, a: float = -0.75) -> Tensor:
    """Keys' cubic convolution kernel at distances up to 2; a as in torch's interpolate."""
    x = distance.abs()
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, far)


class RandomLinearFader(nn.Module):
    """Add a slope over time: the loudness of the clip rises or falls linearly (on the log scale).

    Both ends are drawn from U(-gain, gain), in units of the normalised log-mel (BYOL-A 2022,
    Niizumi et al.).
    """

    def __init__(self, gain: float = 1.0):
        super().__init__()
        self.gain = gain

    def draw(self, batch: int, device: torch.device | str) -> Float[Tensor, "B 2"]:
        """What is added to the first and the last frame."""
        return self.gain * (2 * torch.rand(batch, 2, device=device) - 1)

    def fade(
        self, log_mel: Float[Tensor, "B 1 F T"], ends: Float[Tensor, "B 2"]
    ) -> Float[Tensor, "B 1 F T"]:
        """Apply a draw."""
        first, last = (rearrange(end, "b -> b 1 1 1") for end in ends.unbind(-1))
        return (
            log_mel
            + first
            + (last - first) * torch.linspace(0, 1, log_mel.shape[-1], device=log_mel.device)
        )

    def forward(self, log_mel: Float[Tensor, "B 1 F T"]) -> Float[Tensor, "B 1 F T"]:
        return self.fade(log_mel, self.draw(len(log_mel), log_mel.device))


class TwoViews(nn.Module):
    """Log-mels (B, 1, F, T) -> two augmented views, normalised together by one mean and one std.

    Args:
        mixup: or None to go without.
        random_resize_crop: or None to go without.
        random_linear_fader: or None to go without.
        shared_pre_norm: the running norm is one for all processes, so that it is the norm of all
            the data; a few bytes a step while it isn't frozen.
        shared_post_norm: the views of all processes are normalised together. Off by default: each
            process' batch is a batch of the recipe.
    """

    def __init__(
        self,
        mixup: Mixup | None = None,
        random_resize_crop: RandomResizeCrop | None = None,
        random_linear_fader: RandomLinearFader | None = None,
        shared_pre_norm: bool = True,
        shared_post_norm: bool = False,
    ):
        super().__init__()
        self.pre_norm = RunningNorm(shared_pre_norm)
        self.mixup = mixup
        self.random_resize_crop = random_resize_crop
        self.random_linear_fader = random_linear_fader
        self.shared_post_norm = shared_post_norm

    @torch.no_grad()
    def forward(
        self, log_mel: Float[Tensor, "B 1 F T"]
    ) -> tuple[Float[Tensor, "B 1 F T"], Float[Tensor, "B 1 F T"]]:
        """Views of float32, whatever the precision around."""
        with torch.autocast(log_mel.device.type, enabled=False):
            log_mel = self.pre_norm(log_mel)
            first, second = self.augmented(log_mel, 2).chunk(2)
        return first, second

    def augmented(self, log_mel: Float[Tensor, "B 1 F T"], count: int) -> Float[Tensor, "V 1 F T"]:
        """`count` views of each clip, augmented and normalised; mixup remembers the clips."""
        if self.mixup is not None:
            views = self.mixup.mix(log_mel, *self.mixup.draw(count * len(log_mel)))
            self.mixup.remember(log_mel)
        else:
            views = log_mel.repeat(count, 1, 1, 1)
        if self.random_resize_crop is not None:
            views = self.random_resize_crop(views)
        if self.random_linear_fader is not None:
            views = self.random_linear_fader(views)
        variance, mean = moments(views, self.shared_post_norm, unbiased=True)
        return (views - mean) / variance.sqrt().clamp_min(EPS)
