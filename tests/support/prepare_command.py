"""The command line of `prepare`, and what one gives it."""

import zipfile
from pathlib import Path

from serab.prepare.__main__ import main

SAVEE = 480
"""Utterances."""


def pack(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.write(path, path.relative_to(folder))
    return archive


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(capsys, *arguments) -> str:
    """Run the command line; it must fail with one `error:` line, which is returned."""
    capsys.readouterr()
    assert main([str(a) for a in arguments]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    return said.err
