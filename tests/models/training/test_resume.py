"""Checkpoints of a run: written whole or not at all, and checked before training goes on."""

import resource
import signal
from pathlib import Path

import pytest
import torch

from models.files import CheckpointError
from models.training.resume import PARTS, AtomicCheckpointIO, checkpoint_to_resume
from models.weights.artefact import SPEC_KEY
from tests.support.fits import Waveforms, fit, module


def test_full_disk_keeps_the_old_checkpoint(tmp_path: Path):
    """A limit on the size of a file refuses as a full disk does, half-way through a write."""
    path = tmp_path / "last.ckpt"
    io = AtomicCheckpointIO()
    io.save_checkpoint({"state_dict": {"a": torch.ones(3)}}, path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large.* make room"):
            io.save_checkpoint({"state_dict": {"a": torch.zeros(10_000_000)}}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [found.name for found in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.equal(io.load_checkpoint(path)["state_dict"]["a"], torch.ones(3))


def test_ctrl_c_while_a_checkpoint_is_written_is_ctrl_c(tmp_path: Path):
    """Torch makes a RuntimeError of it, which would read as a full disk."""

    def ring(*_) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "last.ckpt"
    io = AtomicCheckpointIO()
    io.save_checkpoint({"a": torch.ones(3)}, path)
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        with pytest.raises(KeyboardInterrupt):
            io.save_checkpoint({"a": torch.zeros(100_000_000)}, path)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.equal(io.load_checkpoint(path)["a"], torch.ones(3))


def test_resume_refuses_what_is_no_checkpoint(tmp_path: Path):
    assert checkpoint_to_resume(tmp_path, "auto") is None
    with pytest.raises(ValueError, match="resume=maybe: expected one of never, auto"):
        checkpoint_to_resume(tmp_path, "maybe")
    path = tmp_path / "checkpoints" / "last.ckpt"
    path.parent.mkdir()
    path.write_bytes(b"PK half written")
    with pytest.raises(ValueError, match=r"last\.ckpt: can't be loaded, it is cut off"):
        checkpoint_to_resume(tmp_path, "auto")
    torch.save({"weights": 1}, path)
    with pytest.raises(ValueError, match=r"not a checkpoint of train\.py"):
        checkpoint_to_resume(tmp_path, "auto")


@pytest.mark.parametrize("part", ["state_dict", *PARTS])
def test_resume_names_the_part_that_a_checkpoint_lacks(part: str, tmp_path: Path):
    fit(module(), Waveforms(8), tmp_path, max_epochs=1)
    path = tmp_path / "checkpoints" / "last.ckpt"
    assert checkpoint_to_resume(tmp_path, "auto") == path
    content = torch.load(path, weights_only=True)
    del content[part]
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=f"not a checkpoint of|lacks {part}, so training"):
        checkpoint_to_resume(tmp_path, "auto")


def test_resume_checks_the_specification(tmp_path: Path):
    model = module()
    fit(model, Waveforms(8), tmp_path, max_epochs=1)
    path = tmp_path / "checkpoints" / "last.ckpt"
    content = torch.load(path, weights_only=True)
    for spec in (3, {}, {"architecture": "AudioNTT"}):
        torch.save({**content, SPEC_KEY: spec}, path)
        with pytest.raises(CheckpointError, match=r"last\.ckpt: .* expected"):
            checkpoint_to_resume(tmp_path, "auto", model.spec)
