"""A run directory of an earlier version is loaded, continued and evaluated as by that version."""

import csv
import runpy
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

import train as train_script
from models.checkpoint import load_encoder
from serab.results.run_files import RunFiles
from tests.support.old_run import OLD_RUN, copy_old_run, make_old_recordings
from tests.support.paths import ROOT
from tests.support.small_corpus import make_corpus

LOSSES = {3: 2.916734457015991, 4: 2.6119935512542725}
"""Of the two epochs with which the earlier version went on."""
EMBEDDING = [0.0, 1.6146, 0.0, 0.0, 0.0, 1.9430, 0.0, 0.0]
"""Of `sine` by the earlier version."""


def sine() -> torch.Tensor:
    return torch.sin(torch.arange(8000) / 7) * 0.3


@pytest.fixture
def old_run(tmp_path: Path) -> Path:
    return copy_old_run(tmp_path / "run")


@pytest.fixture
def start_training(monkeypatch: pytest.MonkeyPatch):
    def call(*overrides: str) -> None:
        monkeypatch.setattr(sys, "argv", ["train.py", *overrides])
        train_script.main()

    return call


def test_loads():
    for path in (OLD_RUN, OLD_RUN / "checkpoints/last.ckpt"):
        embedding = load_encoder(path).embed(sine(), 16_000)
        assert torch.allclose(embedding, torch.tensor([EMBEDDING]), atol=1e-3)


def test_goes_on_where_its_recordings_and_it_are_now(old_run, tmp_path, start_training):
    """Moved both: losses are those of the earlier version, and the old places aren't written to."""
    moved = make_old_recordings(tmp_path / "moved")
    start_training(
        f"run_dir={old_run}", "resume=auto", "trainer.max_epochs=5", f"data.root={moved}"
    )
    with (old_run / "metrics/version_1/metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["loss"]]
    assert [int(row["step"]) for row in rows] == list(LOSSES)
    assert [float(row["loss"]) for row in rows] == pytest.approx(list(LOSSES.values()), rel=1e-4)
    config = OmegaConf.load(old_run / "config.yaml")
    assert config.data.root == str(moved)
    places = (config.run_dir, config.data.run_dir, config.trainer.default_root_dir)
    assert set(places) == {str(old_run)}
    assert "joint_views" not in config.module


def test_moved_recordings_are_told_with_the_way_to_go_on(old_run, start_training):
    before = {path: path.read_bytes() for path in old_run.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as stop:
        start_training(f"run_dir={old_run}", "resume=auto", "trainer.max_epochs=5")
    assert "data.root=/home/me/speech: no such folder" in str(stop.value.code)
    assert f"python train.py run_dir={old_run} resume=auto data.root=NEW" in str(stop.value.code)
    after = {path: path.read_bytes() for path in before}
    assert after == before


def test_evaluates(old_run, tmp_path, monkeypatch):
    make_corpus(tmp_path / "data", "EMV")
    monkeypatch.setenv("SERAB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(ROOT)
    out = f"run_dir={tmp_path / 'out'}"
    arguments = [f"ckpt={old_run}", "tasks=[EMV]", "classifiers=[LDA]", out]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *arguments])
    runpy.run_path("evaluate.py", run_name="__main__")
    (row,) = RunFiles(tmp_path / "out").results
    assert row.embed_dim == 8
    assert row.extractor_fingerprint == f"{load_encoder(OLD_RUN).fingerprint}-corpus"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("optimizer.lr=1e-3", "optimizer.lr is 0.0003 in the run and 0.001 now: a run goes on"),
        ("+module.encoder.channels=4", "module.encoder.channels is 3 in the run and 4 now: a run"),
        ("+encoder.dropout=0.5", "encoder.dropout is null in the run and 0.5 now: a run goes on"),
        ("encoder=cvt_small", "encoder._target_ is models.audio_ntt.AudioNTT in the run and model"),
        ("frontend.n_mels=abc", "frontend.n_mels is 16 in the run and abc now"),
    ],
)
def test_another_recipe_is_named_with_both_values(old_run, start_training, override, sentence):
    with pytest.raises(SystemExit) as stop:
        start_training(f"run_dir={old_run}", "resume=auto", override)
    assert sentence in str(stop.value.code)


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("optimizer", "numpy.load"),
        ("data", "models.files.write_whole"),
        ("module.views.mixup", "serab.extractors.hear.HearExtractor"),  # of evaluate.py's groups
        ("logger.csv", "os.system"),
    ],
)
def test_a_foreign_run_directory_runs_no_code(
    old_run, tmp_path, start_training, monkeypatch, key, target
):
    config = OmegaConf.load(old_run / "config.yaml")
    OmegaConf.update(config, key, {"_target_": target, "path": str(tmp_path / "written")})
    OmegaConf.save(config, old_run / "config.yaml")
    with pytest.raises(SystemExit) as stop:
        start_training(f"run_dir={old_run}", "resume=auto")
    message = str(stop.value.code)
    assert f"{old_run}/config.yaml: names {target}, which no config of train.py does" in message
    assert not (tmp_path / "written").exists()


def test_what_the_command_line_names_itself_is_trusted(old_run, tmp_path, start_training):
    config = OmegaConf.load(old_run / "config.yaml")
    config.optimizer._target_ = config.module.optimizer._target_ = "torch.optim.RMSprop"
    OmegaConf.save(config, old_run / "config.yaml")
    with pytest.raises(SystemExit, match="no such folder"):
        start_training(
            f"run_dir={old_run}", "resume=auto", "optimizer._target_=torch.optim.RMSprop"
        )


@pytest.mark.parametrize("content", ["", "[1, 2]", "module: 3", "a: {b", "module: ${oc.env:HOME}"])
def test_a_damaged_config_is_one_sentence(old_run, start_training, content):
    (old_run / "config.yaml").write_text(content)
    with pytest.raises(SystemExit) as stop:
        start_training(f"run_dir={old_run}", "resume=auto")
    assert f"{old_run}/config.yaml: " in str(stop.value.code)
    assert "choose another run_dir" in str(stop.value.code)
