"""Crops are random over all positions, keyed, and resumable in the middle of an epoch."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from datamodules.batches import EpochBatches
from datamodules.crops import Crops
from datamodules.loader import ResumableLoader
from datamodules.manifest.recordings import Manifest, scan_folder
from datamodules.pretraining import PretrainingData, worker_count


def ramp(path: Path, samples: int, rate: int = 16_000) -> Manifest:
    """A recording whose sample values tell their position."""
    sf.write(path, np.arange(samples) / 2**15, rate, subtype="FLOAT")
    return scan_folder(path.parent)


def test_every_position_is_drawn_both_ends_included(tmp_path: Path):
    crops = Crops(ramp(tmp_path / "a.wav", 15_200 + 9), 0.95)
    starts = [round(float(crops[(epoch, 0)]["waveform"][0]) * 2**15) for epoch in range(600)]
    counts = np.bincount(starts, minlength=10)
    assert len(counts) == 10
    assert counts.min() > 30  # 60 expected of each


def test_short_recordings_are_centred(tmp_path: Path):
    crops = Crops(ramp(tmp_path / "a.wav", 101), 0.95)
    waveform = crops[(0, 0)]["waveform"]
    assert waveform.shape == (15_200,)
    assert np.flatnonzero(waveform).tolist() == list(range(7550, 7650))  # the first sample is 0


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_crops_have_one_rate_and_length(tmp_path: Path, rate: int):
    crops = Crops(ramp(tmp_path / "a.wav", 2 * rate, rate), 0.95)
    waveform = crops[(0, 0)]["waveform"]
    assert waveform.shape == (15_200,)
    slope = np.diff(waveform[1000:-1000]).mean() * 2**15
    assert slope == pytest.approx(rate / 16_000, rel=3e-3)


def test_crops_are_keyed(speech_folder: Path):
    first, second, other = (
        Crops(scan_folder(speech_folder), 0.5, seed=seed) for seed in (42, 42, 43)
    )
    assert (first[(3, 5)]["waveform"] == second[(3, 5)]["waveform"]).all()
    for different in (other[(3, 5)], first[(4, 5)], first[(3, 8)]):
        assert not np.array_equal(first[(3, 5)]["waveform"], different["waveform"])


def test_a_file_that_breaks_later_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    crops = Crops(ramp(tmp_path / "a.wav", 20_000), 0.95)
    (tmp_path / "a.wav").write_bytes(b"")
    sample = crops[(0, 0)]
    assert sample["unreadable"] == 1
    assert not sample["waveform"].any()
    assert "a.wav: empty" in caplog.text


def test_a_file_that_stays_broken_is_told_ever_less_often(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    crops = Crops(ramp(tmp_path / "a.wav", 20_000), 0.95)
    (tmp_path / "a.wav").unlink()
    assert sum(crops[(epoch, 0)]["unreadable"] for epoch in range(1000)) == 1000
    told = [record.getMessage().split(":")[0] for record in caplog.records]
    assert told == [f"silence in place of crop {2**power}" for power in range(10)]


def keys(batches) -> list[tuple[int, int]]:
    return [key for batch in batches for key in batch]


def test_epochs_visit_each_recording_once_in_another_order():
    batches = EpochBatches(20, 4, seed=1)
    first = keys(batches)
    assert keys(batches) == first
    assert sorted(index for _, index in first) == list(range(20))
    batches.set_epoch(1)
    assert [i for _, i in keys(batches)] != [i for _, i in first]


def test_ranks_share_the_global_batches():
    whole = list(EpochBatches(23, 6, seed=1))
    halves = [list(EpochBatches(23, 3, seed=1, rank=rank, ranks=2)) for rank in range(2)]
    assert len(whole) == len(halves[0]) == len(halves[1]) == 3
    assert [a + b for a, b in zip(*halves, strict=True)] == whole


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_resumes_where_it_was(speech_folder: Path, workers: int):
    crops = Crops(scan_folder(speech_folder), 0.2)

    def loader() -> ResumableLoader:
        return ResumableLoader(crops, batch_sampler=EpochBatches(24, 4, 0), num_workers=workers)

    first = loader()
    whole = [batch["waveform"] for batch in first]
    iterator = iter(first)
    for _ in range(2):
        next(iterator)
    second = loader()
    second.load_state_dict(first.state_dict())
    rest = [batch["waveform"] for batch in second]
    assert len(rest) == 4
    assert all((a == b).all() for a, b in zip(rest, whole[2:], strict=True))
    second.batch_sampler.set_epoch(1)
    assert len(list(second)) == 6


def test_data_module_names_what_is_wrong(speech_folder: Path):
    with pytest.raises(ValueError, match=r"24 usable recordings .* set data.batch_size=24 or"):
        PretrainingData(speech_folder, batch_size=25).setup()
    with pytest.raises(ValueError, match="batch norm needs at least 2"):
        PretrainingData(speech_folder, batch_size=1)
    with pytest.raises(ValueError, match="num_workers=-1: expected 'auto' or a number"):
        worker_count(-1)
    data = PretrainingData(speech_folder, batch_size=4)
    data.load_state_dict({"digest": "of other recordings"})
    data.setup()
    with pytest.raises(ValueError, match="recordings changed since the checkpoint"):
        data.train_dataloader()
