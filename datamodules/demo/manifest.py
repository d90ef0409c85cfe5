"""Which demo recordings are made and whole: a manifest at the end, a journal on the way there."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from datamodules.demo.script import DemoUtterance
from datamodules.files import write_whole

VERSION = 2
"""Of how an utterance becomes sound; files of another version are made anew."""

MANIFEST = "demo.json"
JOURNAL = "demo.unfinished.jsonl"


class DemoManifest:
    """What is known of the recordings in a folder: what each was made from, and its SHA-256.

    As a context it keeps a journal, one line a recording, so that a killed run loses nothing;
    `finish` writes the manifest whole and drops the journal.
    """

    def __init__(self, out: Path, known: dict[str, dict[str, str]]):
        self.out, self.known = out, known
        self._journal: TextIO  # while it is entered

    @classmethod
    def read(cls, out: Path) -> DemoManifest:
        """What finished runs made; nothing where no manifest can be read."""
        known: dict[str, dict[str, str]] = {}
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            rows = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
            known = {path: _entry(row) for path, row in rows.items()}
        return cls(out, known)

    @classmethod
    def resume(cls, out: Path) -> DemoManifest:
        """The same, and what a killed run made."""
        manifest = cls.read(out)
        with suppress(OSError, UnicodeDecodeError):
            for line in (out / JOURNAL).read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, KeyError, TypeError):  # a kill cuts a line off
                    row = json.loads(line)
                    manifest.known[row["path"]] = _entry(row)
        return manifest

    def holds(self, utterance: DemoUtterance) -> bool:
        """Whether the recording is there, made from this very utterance, undamaged."""
        entry = self.known.get(utterance.path)
        if entry is None or entry["recipe"] != recipe(utterance):
            return False
        try:
            content = (self.out / utterance.path).read_bytes()
        except OSError:
            return False
        return hashlib.sha256(content).hexdigest() == entry["sha256"]

    def remove_unplanned(self, planned: set[str]) -> None:
        """Remove recordings of an older version that this one doesn't make any more."""
        for file in self.out.glob("*/*/*.wav"):
            path = file.relative_to(self.out).as_posix()
            if path in self.known and path not in planned:
                file.unlink()
                del self.known[path]

    def add(self, utterance: DemoUtterance, sha256: str) -> None:
        entry = {"recipe": recipe(utterance), "sha256": sha256}
        self.known[utterance.path] = entry
        self._journal.write(json.dumps({"path": utterance.path, **entry}) + "\n")
        self._journal.flush()

    def finish(self) -> None:
        content = {"what": "demo speech, synthetic, not a benchmark", "version": VERSION}
        content |= {"files": dict(sorted(self.known.items()))}
        write_whole(self.out / MANIFEST, (json.dumps(content, indent=1) + "\n").encode())
        (self.out / JOURNAL).unlink()

    def __enter__(self) -> DemoManifest:
        self._journal = (self.out / JOURNAL).open("a", encoding="utf-8")
        self._journal.write("\n")  # ends a line that a kill cut off
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()


def recipe(utterance: DemoUtterance) -> str:
    """SHA-256 (hex) of everything that an utterance is made from."""
    content = json.dumps({"version": VERSION, **asdict(utterance)}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _entry(row: dict[str, Any]) -> dict[str, str]:
    return {key: str(row[key]) for key in ("recipe", "sha256")}
