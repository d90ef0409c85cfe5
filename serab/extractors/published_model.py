"""Where a published SavedModel is: a directory, or its handle, downloaded and unpacked once.

A handle is what TensorFlow Hub calls the address of a model; with `?tf-hub-format=compressed`
behind it, it answers with a tar of the directory.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from serab.corpora.records import Archive
from serab.index import data_root
from serab.prepare.archives import ArchiveError, unpack
from serab.prepare.downloads import download
from serab.prepare.errors import PrepareError

COMPRESSED = "?tf-hub-format=compressed"


def model_folder(model: str, handle: str) -> Path:
    """The directory with saved_model.pb.

    Args:
        model: a directory, or a handle (http or https); its files are kept below the data, in
            `.cache/models`, and what arrived before a break is kept.
        handle: of the published model, for the error.

    Raises:
        ValueError: no SavedModel there; unreachable, cut off, not an archive or a hostile one.
    """
    if not model.startswith(("https://", "http://")):
        return _checked(Path(model), f"extractor.model={model}", handle)
    *_, name, version = model.rstrip("/").split("/")
    models = data_root() / ".cache" / "models"
    folder = models / f"{name}-{version}"
    if folder.is_dir():
        return folder
    part = models / f"{folder.name}.part"
    try:
        archive = download(Archive(f"{folder.name}.tar.gz", model + COMPRESSED), models)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        unpack(archive, part, lambda name: True)
        os.replace(_checked(part, f"extractor.model={model}", handle), folder)
        archive.unlink()
    except (PrepareError, ArchiveError) as error:
        raise ValueError(f"extractor.model={model}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _checked(folder: Path, setting: str, handle: str) -> Path:
    if not (folder / "saved_model.pb").is_file():
        raise ValueError(
            f"{setting}: no SavedModel there (a directory with saved_model.pb); unpack "
            f"{handle}{COMPRESSED}, or give the handle."
        )
    return folder
