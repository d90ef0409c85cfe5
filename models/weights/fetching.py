"""The released weights from their release: downloaded once, held to git's checksum of the file."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from datamodules.downloads import DownloadError, download
from models.files import CheckpointError, check_no_pointer
from models.weights.released import RELEASED, Release

LARGEST = 200_000_000
"""Bytes; the largest of them, ResNetish-34, has 21 million parameters."""
NTT_TERMS = "https://github.com/nttcslab/byol-a/blob/master/LICENSE.pdf"


def released_weights(name: str, accept_licence: bool = False) -> Path:
    """The file of one of `RELEASED`, downloaded if it isn't in the cache yet, and checked.

    Args:
        name: of the system.
        accept_licence: the user agrees to NTT's terms; asked for once, before the download.

    Raises:
        CheckpointError: terms that weren't agreed to, no network, or another file than the
            release's, downloaded or in the cache.
    """
    release = RELEASED[name]
    if release.licence == "NTT" and not accept_licence and not release.file.is_file():
        raise CheckpointError(
            f"{name}: NTT gives these weights out for evaluation only, not for products or to "
            f"pass on, so they are downloaded once you agree: read {NTT_TERMS}, then add "
            "extractor.accept_licence=true (evaluate.py) or init_accept_licence=true (train.py), "
            "this once."
        )
    check = partial(_check_blob, release=release)
    try:
        return download(release.url, release.file, check, release.bytes or LARGEST)
    except DownloadError as error:
        raise CheckpointError(f"{name}: {error}") from error


def _check_blob(file: Path, release: Release) -> None:
    """Hold a file to its git blob SHA-1, computed while it is read.

    Raises:
        CheckpointError: another file.
    """
    check_no_pointer(file)
    size = file.stat().st_size
    digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with file.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != release.git_sha1:
        raise CheckpointError(
            f"{file}: isn't the released {release.name} ({size} bytes of git SHA-1 "
            f"{digest.hexdigest()}, expected {release.git_sha1}); remove it and run the same "
            f"command again, or download {release.url} to {release.file}."
        )
