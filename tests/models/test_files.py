"""Model files: both copies of the ground are alike, and files of torch are checked."""

import ast
import zipfile
from pathlib import Path

import pytest
import torch

import datamodules.files
import models.files
from models.files import CheckpointError, load_tensors


def bodies(module) -> dict[str, str]:
    tree = ast.parse(Path(module.__file__).read_text())
    return {n.name: ast.dump(n) for n in tree.body if isinstance(n, ast.FunctionDef)}


@pytest.mark.parametrize("name", ["whole_file", "write_whole"])
def test_both_packages_write_files_alike(name: str):
    """They may not import each other, so each has a copy, which this holds to one body."""
    assert bodies(models.files)[name] == bodies(datamodules.files)[name]


def test_a_flipped_bit_is_found(tmp_path: Path):
    """torch passes over the checksums that its own format has."""
    path = tmp_path / "weights.pth"
    torch.save({"weight": torch.arange(1000.0)}, path)
    assert load_tensors(path)["weight"][3] == 3
    content = bytearray(path.read_bytes())
    content[content.index(torch.arange(1000.0).numpy().tobytes()) + 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights\.pth: cut off or damaged, the checksum of"):
        load_tensors(path)


def test_a_file_that_unpacks_to_more_is_refused(tmp_path: Path):
    torch.save({"weight": torch.zeros(1_000_000)}, tmp_path / "plain.pth")
    path = tmp_path / "packed.pth"
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in plain.namelist():
            packed.writestr(entry, plain.read(entry))
    with pytest.raises(CheckpointError, match=r"packed\.pth: unpacks to more than it holds"):
        load_tensors(path)


def test_a_pointer_is_called_one(tmp_path: Path):
    path = tmp_path / "weights.pth"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12345\n")
    with pytest.raises(CheckpointError, match=r"Git LFS pointer.* git lfs pull"):
        load_tensors(path)
