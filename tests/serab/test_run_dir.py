"""A run directory that this process made for nothing goes again, and nothing else does."""

import pytest

from serab.run_dir import choose_run_dir, discard_unused


def test_with_the_folders_made_for_it(tmp_path):
    chosen = tmp_path / "runs/train/one"
    choose_run_dir(str(chosen), "unused")
    for name in ("train.log", ".train.lock"):
        (chosen / name).touch()
    discard_unused(chosen)
    assert list(tmp_path.iterdir()) == []


def test_a_new_one_by_the_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (tmp_path / choose_run_dir(None, "runs") for _ in range(2))
    discard_unused(second)
    assert first.is_dir()
    assert not second.exists()


@pytest.mark.parametrize("name", ["config.yaml", "checkpoints/last.ckpt"])
def test_one_that_holds_something_stays(tmp_path, name):
    chosen = tmp_path / "run"
    choose_run_dir(str(chosen), "unused")
    (chosen / name).parent.mkdir(exist_ok=True)
    (chosen / name).touch()
    discard_unused(chosen)
    assert (chosen / name).exists()


def test_one_that_was_there_stays(tmp_path):
    choose_run_dir(str(tmp_path), "unused")
    discard_unused(tmp_path)
    assert tmp_path.is_dir()


def test_a_name_that_hydra_reads_otherwise(tmp_path):
    with pytest.raises(SystemExit, match=r"Hydra takes \$\{ for the name of another entry; choose"):
        choose_run_dir(str(tmp_path / "${x}"), "unused")
    assert list(tmp_path.iterdir()) == []
