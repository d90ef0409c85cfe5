"""Foreign models: import by name with an error that helps, and fingerprints of what they are."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch
from torch import nn


def import_named(name: str, key: str) -> ModuleType:
    """Import a module.

    Args:
        name: of the module, importable from here.
        key: of the config, for the error.

    Raises:
        ValueError: it can't be imported; says which import failed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"{key}={name}: can't be imported ({error}); install it, or put its folder on "
            "PYTHONPATH."
        ) from error


def digest_weights(model: nn.Module) -> str:
    """SHA-256 (hex) over names and values of parameters and buffers."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def digest_files(paths: Iterable[str | Path]) -> str:
    """SHA-256 (hex) over the content of files and, in a fixed order, of folders."""
    digest = hashlib.sha256()
    for path in map(Path, paths):
        files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
        for file in files:
            relative = file.relative_to(path).as_posix() if path.is_dir() else ""
            digest.update(f"{relative} {file.stat().st_size}\n".encode())
            with file.open("rb") as handle:
                while block := handle.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def torch_device(device: str) -> str:
    """A device of torch's; "auto" is a GPU where there is one."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def one_sentence(name: str, samples: int) -> Iterator[None]:
    """Whatever a stranger's code raises on a recording, as one sentence.

    Raises:
        ValueError: in place of its exception; names the extractor.
    """
    try:
        yield
    except Exception as error:
        reason = (str(error).strip().splitlines() or ["it says no more"])[0]
        raise ValueError(
            f"{name}: its code ended in {type(error).__name__} ({reason[:300]}) on a recording of "
            f"{samples} samples; a model has to take any length."
        ) from error


@contextmanager
def single_threaded_torch() -> Iterator[None]:
    """One torch thread in each thread: many short utterances are faster side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
