"""Mixtures: shares to the crop, no recording twice before all came, exact restart, bad parts."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from datamodules.manifest.recordings import scan_folder
from datamodules.mixture import MixedBatches, MixtureData
from datamodules.shards.packing import pack


@pytest.fixture(scope="module")
def parts(speech_folder: Path, tmp_path_factory) -> list[dict]:
    """A folder of 24 recordings, and 8 of them as shards."""
    shards = tmp_path_factory.mktemp("shards")
    pack(scan_folder(speech_folder / "speaker0"), shards, jobs=1)
    return [{"root": str(speech_folder)}, {"root": str(shards), "shards": True}]


def weighted(parts: list[dict], *weights: float) -> list[dict]:
    return [part | {"weight": weight} for part, weight in zip(parts, weights, strict=True)]


def ready(parts: list[dict], **arguments) -> MixtureData:
    data = MixtureData(parts, **{"batch_size": 4, "num_workers": 0, **arguments})
    data.setup()
    return data


def epochs(data: MixtureData, count: int, rank: int = 0, ranks: int = 1) -> list[list]:
    sampler = data.make_batches(data.crops, rank, ranks)
    drawn = []
    for epoch in range(count):
        sampler.set_epoch(epoch)
        drawn.append([key for batch in sampler for key in batch])
    return drawn


def test_shares_and_passes(parts):
    data = ready(weighted(parts, 1, 3), batch_size=2)
    assert [part.crops_an_epoch for part in data.manifest.parts] == [8, 24]
    drawn = epochs(data, 3)
    for epoch in drawn:
        assert sum(item < 24 for _, item in epoch) == 8
    first = [item for epoch in drawn for _, item in epoch if item < 24]
    assert sorted(first) == list(range(24))  # each of the folder's once in three epochs
    second = Counter(item for epoch in drawn for _, item in epoch if item >= 24)
    assert set(second.values()) == {9}  # each of the shards' three times an epoch
    keys = [key for epoch in drawn for key in epoch]
    assert len(set(keys)) == len(keys)  # and never the same crop


def test_temperature(parts):
    equal, plain = ready(parts, temperature=0.0), ready(parts)
    assert [part.crops_an_epoch for part in equal.manifest.parts] == [16, 16]
    assert [part.crops_an_epoch for part in plain.manifest.parts] == [24, 8]
    assert equal.manifest.digest != plain.manifest.digest
    only = ready(weighted(parts, 1, 0))
    assert [part.crops_an_epoch for part in only.manifest.parts] == [24]


def test_ranks_divide_an_epoch(parts):
    data = ready(weighted(parts, 1, 1))
    whole = {key for key in epochs(data, 1)[0]}
    ranks = [set(epochs(data, 1, rank, 2)[0]) for rank in range(2)]
    assert ranks[0] | ranks[1] == whole
    assert not ranks[0] & ranks[1]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_restart_goes_on_with_the_next_batch(parts, num_workers):
    loader = ready(weighted(parts, 1, 2), num_workers=num_workers).train_dataloader()
    loader.batch_sampler.set_epoch(1)
    undisturbed = [batch["waveform"] for batch in loader]
    assert undisturbed[0].dtype == torch.float32
    again = ready(weighted(parts, 1, 2), num_workers=0).train_dataloader()
    again.load_state_dict({"epoch": 1, "delivered": 3})
    again.batch_sampler.set_epoch(1)
    rest = [batch["waveform"] for batch in again]
    assert len(rest) == len(undisturbed) - 3
    assert all(torch.equal(a, b) for a, b in zip(rest, undisturbed[3:], strict=True))


def test_shards_alone_stay_int16(parts):
    data = ready([parts[1], parts[1]])
    batch = next(iter(data.train_dataloader()))
    assert batch["waveform"].dtype == torch.int16
    assert (data.num_workers, data.ahead) == (0, 0)
    assert MixtureData([parts[1]], batch_size=4).ahead == 4


def test_what_came_from_each_part_is_written(parts, tmp_path):
    data = ready(weighted(parts, 1, 3), run_dir=tmp_path)
    lines = (tmp_path / "mixture.csv").read_text().splitlines()
    assert lines[0] == "part,source,recordings,hours,share,crops_an_epoch"
    assert lines[1].startswith("0,data.root=")
    assert lines[2].endswith(",0.75,24")
    assert (tmp_path / "part-0/recordings.csv").exists()
    told = [(part["source"], part["crops_an_epoch"]) for part in data.facts()["parts"]]
    assert told == [(Path(parts[0]["root"]).name, 8), (Path(parts[1]["root"]).name, 24)]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([], r"data\.parts=\[\]: expected a list"),
        (["A"], r"data\.parts\[0\]='A': expected a mapping"),
        ([{"weight": 1}], r"data\.parts\[0\]: expected either root or manifest"),
        ([{"root": "A", "weigth": 1}], r"data\.parts\[0\]: unknown weigth; expected root"),
        ([{"root": "A", "weight": -1}], r"weight=-1; expected a number from 0"),
        ([{"root": "A", "weight": 0}], r"all weights are 0"),
        ([{"root": "A", "weight": 1}, {"root": "B"}], r"all parts a weight, or none"),
        ([{"root": "nowhere"}], r"data\.root=nowhere: no such folder"),
    ],
)
def test_wrong_parts(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        ready(wrong)


def test_keys_are_of_the_epoch_asked_for(parts):
    data = ready(weighted(parts, 1, 1))
    sampler = data.make_batches(data.crops, 0, 1)
    assert isinstance(sampler, MixedBatches)
    first = [key for batch in sampler for key in batch]
    sampler.set_epoch(1)
    second = [key for batch in sampler for key in batch]
    sampler.set_epoch(0)
    assert [key for batch in sampler for key in batch] == first != second
