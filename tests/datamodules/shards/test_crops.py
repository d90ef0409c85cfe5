"""Crops of shards: inside their recording, keyed, the same for any workers, gone on with."""

import os
from pathlib import Path

import numpy as np
import pytest

from datamodules.pretraining import ShardData
from datamodules.shards.crops import ShardCrops, keyed_position
from datamodules.shards.layout import ShardError, open_shards


def test_crops_are_inside_their_recording(packed: Path):
    """Each crop is found in its own recording's samples, padded where that is shorter."""
    shards = open_shards(packed)
    crops = ShardCrops(shards, 0.95, seed=3)
    batch = crops.__getitems__([(5, i) for i in range(20)])["waveform"].numpy()
    assert batch.shape == (20, 15_200)
    for row, (shard, start, samples) in zip(batch, shards.index, strict=True):
        audio = np.fromfile(packed / f"shard-{shard:05d}.i16", "<i2")[start : start + samples]
        if samples <= 15_200:
            before = (15_200 - samples) // 2
            assert np.array_equal(row[before : before + samples], audio)
            assert not row[:before].any()
            assert not row[before + samples :].any()
        else:
            places = np.lib.stride_tricks.sliding_window_view(audio, 15_200)
            assert (places == row).all(axis=1).any()


def test_positions_depend_on_their_key_alone(packed: Path):
    crops = ShardCrops(open_shards(packed), 0.5, seed=3)
    keys = [(2, i) for i in range(20)]
    together = crops.__getitems__(keys)["waveform"]
    apart = [crops[key]["waveform"] for key in reversed(keys)]
    assert all((a == b).all() for a, b in zip(reversed(apart), together, strict=True))
    assert not (together == crops.__getitems__([(3, i) for i in range(20)])["waveform"]).all()


def test_positions_are_uniform_and_reach_both_ends():
    n = 200_000
    items = np.arange(n)
    position = keyed_position(1, np.full(n, 7), items, np.full(n, 9))
    counts = np.bincount(position, minlength=10)
    assert len(counts) == 10
    assert np.abs(counts / n - 0.1).max() < 0.005
    later = keyed_position(1, np.full(n, 8), items, np.full(n, 9))
    assert np.abs(np.corrcoef(position, later)[0, 1]) < 0.01
    assert keyed_position(1, items[:3], items[:3], np.zeros(3, int)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_is_the_same_for_any_workers_and_goes_on(packed: Path, workers: int):
    def loader(num_workers):
        data = ShardData(packed, batch_size=4, num_workers=num_workers)
        data.setup()
        return data.train_dataloader()

    whole = [batch["waveform"] for batch in loader("auto")]
    assert len(whole) == 5
    part = loader(workers)
    taken = iter(part)
    first = [next(taken)["waveform"] for _ in range(2)]
    state = part.state_dict()
    taken.close()
    again = loader(workers)
    again.load_state_dict(state)
    rest = [batch["waveform"] for batch in again]
    assert len(rest) == 3
    assert all((a == b).all() for a, b in zip(first + rest, whole, strict=True))


def test_long_recordings_may_count_more(packed: Path):
    crops = ShardCrops(open_shards(packed), 0.5, seconds_per_crop=1.0)
    assert len(crops) == 4 * (1 + 1 + 2 + 3 + 4)
    with pytest.raises(ValueError, match="seconds_per_crop=0"):
        ShardData(packed, seconds_per_crop=0)


def test_another_rate_is_refused(packed: Path):
    data = ShardData(packed, batch_size=4, sample_rate=8_000)
    with pytest.raises(ValueError, match="shards at 16000 Hz; the front end wants 8000 Hz"):
        data.setup()


def test_a_shard_cut_while_it_is_read(shards: Path):
    crops = ShardCrops(open_shards(shards), 0.5)
    os.truncate(shards / "shard-00000.i16", 1000)
    with pytest.raises(ShardError, match=r"shard-00000\.i16: ends before sample"):
        crops.__getitems__([(0, i) for i in range(4)])
