"""Each batched augmentation against a plain loop over samples."""

import pytest
import torch
from torch.nn.functional import interpolate

from models.augmentations import (
    EPS,
    Mixup,
    RandomLinearFader,
    RandomResizeCrop,
    RunningNorm,
    TwoViews,
)


def clips(batch: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 1, 64, 96, generator=torch.Generator().manual_seed(seed))


def test_running_norm_is_the_norm_of_all_clips():
    norm = RunningNorm()
    batches = [3 * clips(size, size) - 5 for size in (4, 1, 7)]
    for batch in batches:
        normalised = norm(batch)
    seen = torch.cat(batches)
    torch.testing.assert_close(norm.mean, seen.mean())
    torch.testing.assert_close(norm.std, seen.std(unbiased=False))
    torch.testing.assert_close(normalised, (batches[-1] - seen.mean()) / seen.std(unbiased=False))
    assert norm.clips == 12


@pytest.mark.parametrize("freeze", ["eval", "updating"])
def test_running_norm_freezes(freeze: str):
    norm = RunningNorm()
    norm(clips(4))
    mean = norm.mean.clone()
    if freeze == "eval":
        norm.eval()
    else:
        norm.updating = False
    norm(clips(4) + 9)
    assert norm.mean == mean


def test_mixup_equals_a_loop_with_a_fifo():
    mixup, fifo = Mixup(memory_size=10), []
    for step, size in enumerate((4, 5, 3, 12)):
        batch = clips(size, step)
        torch.manual_seed(step)
        share, place = mixup.draw(size)
        mixed = mixup.mix(batch, share, place)
        for index in range(size):
            if not fifo:
                assert share[index] == 0
                assert torch.equal(mixed[index], batch[index])
                continue
            a, x, z = share[index], batch[index], mixup.memory[place[index]]
            assert any(torch.equal(z, past) for past in fifo)
            torch.testing.assert_close(
                mixed[index], torch.log((1 - a) * torch.exp(x) + a * torch.exp(z) + EPS)
            )
        mixup.remember(batch)
        fifo = (fifo + list(batch))[-10:]
        for past in fifo:
            assert any(torch.equal(past, slot) for slot in mixup.memory)


def test_mixup_makes_all_views_of_a_batch_at_once():
    mixup = Mixup(memory_size=10)
    mixup.remember(clips(10))
    share, place = mixup.draw(6)
    views = mixup.mix(clips(3, 1), share, place)
    for view in (0, 1):
        part = slice(3 * view, 3 * view + 3)
        assert torch.equal(views[part], mixup.mix(clips(3, 1), share[part], place[part]))


def test_mixup_draws_all_shares_and_places():
    mixup = Mixup(memory_size=8, n_mels=1, frames=1)
    mixup.remember(torch.randn(5, 1, 1, 1))
    share, place = mixup.draw(4000)
    assert 0 <= share.min() < 0.01 < 0.39 < share.max() < 0.4
    assert set(place.tolist()) == set(range(5))


def test_random_resize_crop_equals_interpolate():
    crop = RandomResizeCrop()
    torch.manual_seed(0)
    batch = clips(64)
    boxes = crop.draw(64, (64, 96), "cpu")
    boxes[:, 0] = torch.tensor([[0, 64], [0, 144]])  # all of the canvas
    boxes[:, 1] = torch.tensor([[63, 1], [143, 1]])  # its last corner
    cropped = crop.crop(batch, boxes)
    for index in range(64):
        canvas = torch.zeros(1, 1, 64, 144)
        canvas[..., 24:120] = batch[index]
        (i, height), (j, width) = boxes[:, index].tolist()
        want = interpolate(
            canvas[:, :, i : i + height, j : j + width],
            size=(64, 96), mode="bicubic", align_corners=True,
        )  # fmt: skip
        torch.testing.assert_close(cropped[index], want[0], atol=2e-5, rtol=1e-4)


def test_random_resize_crop_draws_every_box():
    torch.manual_seed(0)
    (start_f, length_f), (start_t, length_t) = (
        boxes.unbind(-1) for boxes in RandomResizeCrop().draw(20_000, (64, 96), "cpu")
    )
    assert (length_f.min(), length_f.max()) == (38, 64)  # 0.6 x 64, clipped to the canvas
    assert (length_t.min(), length_t.max()) == (57, 143)
    assert start_f.min() == start_t.min() == 0
    assert (start_f + length_f).max() == 64
    assert (start_t + length_t).max() == 144
    assert (length_f == 64).float().mean() > 0.5  # 1.0 to 1.5 all clip to the full height


def test_views_are_normalised_together_and_differ():
    torch.manual_seed(0)
    views = TwoViews(Mixup(memory_size=16), RandomResizeCrop())
    for step in range(3):
        first, second = views(2 * clips(8, step) - 3)
    both = torch.cat([first, second])
    assert both.mean().abs() < 1e-4
    assert (both.std() - 1).abs() < 1e-4
    assert not torch.allclose(first, second, atol=0.1)
    assert not first.requires_grad


def test_state_is_in_buffers():
    torch.manual_seed(0)
    views, restored = (TwoViews(Mixup(memory_size=16), RandomResizeCrop()) for _ in range(2))
    for step in range(3):
        views(clips(8, step))
    restored.load_state_dict(views.state_dict())
    torch.manual_seed(1)
    want = views(clips(8, 9))
    torch.manual_seed(1)
    assert all(torch.equal(a, b) for a, b in zip(restored(clips(8, 9)), want, strict=True))


def test_without_augmentation_the_views_are_equal():
    first, second = TwoViews()(clips(4))
    assert torch.equal(first, second)


def test_random_linear_fader_is_a_slope_over_time():
    fader = RandomLinearFader(gain=2.0)
    torch.manual_seed(0)
    ends = fader.draw(4000, "cpu")
    assert -2 <= ends.min() < -1.99 < 1.99 < ends.max() < 2
    batch = clips(3)
    faded = fader.fade(batch, ends[:3])
    for index in range(3):
        slope = torch.linspace(*ends[index].tolist(), 96)
        torch.testing.assert_close(faded[index], batch[index] + slope)
    views = TwoViews(random_linear_fader=fader)
    first, second = views(clips(4))
    assert not torch.allclose(first, second, atol=0.1)
