"""One job: recordings to a table, begun, gone on with after a kill, or found done."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from datamodules.audio import shown_path
from datamodules.files import write_whole
from serab.embed.waveforms import VERSION
from serab.escaping import in_csv
from serab.extractors.base import Extractor, check_attributes
from serab.recordings.embedding import RecordingEmbedder
from serab.recordings.formats import (
    Layout,
    Rows,
    check_suffix,
    read_provenance,
    write_rows,
)
from serab.recordings.inputs import Inputs
from serab.recordings.parts import Part, Parts
from serab.recordings.windows import Windows
from serab.results.versions import package_versions, versions
from serab.run_dir import RunInUse, hold
from serab.terminal import progress

FORMAT = 1


@dataclass(frozen=True)
class Written:
    """What a table holds: rows, dimensions, and how many recordings are left out of it."""

    rows: int
    dimensions: int
    left_out: int


class Job:
    """What is to be embedded, by what, and where the table goes.

    Args:
        inputs: the recordings.
        extractor: the encoder; it is fitted on the recordings where it must be and isn't.
        out: the table; its ending says the format.
        windows: rows over time, or None.
        settings: more that the table depends on, as JSON has it.
        about: more for the provenance: another one is no other job.

    Raises:
        ValueError: an ending that no table has, or an extractor that lacks something.
    """

    def __init__(
        self,
        inputs: Inputs,
        extractor: Extractor,
        out: Path,
        windows: Windows | None = None,
        settings: Mapping[str, Any] | None = None,
        about: Mapping[str, Any] | None = None,
    ):
        check_suffix(out)
        check_attributes(extractor)
        self.inputs, self.extractor, self.out, self.windows = inputs, extractor, out, windows
        self.about = dict(about or {})
        self.was_there = False
        self.identity = {
            "format": FORMAT,
            "extractor": extractor.name,
            "fingerprint": extractor.fingerprint,
            "sample_rate": extractor.sample_rate,
            "reader": VERSION,
            "segments": None if windows is None else [windows.seconds, windows.hop],
            "recordings": len(inputs.paths),
            "inputs": inputs.digest,
            "settings": json.loads(json.dumps(dict(settings or {}))),
            "versions": package_versions(),
        }

    @property
    def folder(self) -> Path:
        """Of the parts, while the table isn't there."""
        return self.out.with_name(f"{self.out.name}.parts")

    @property
    def left_out(self) -> Path:
        """The list of the recordings that the table lacks."""
        return self.out.with_name(f"{self.out.name}.left_out.csv")

    def run(
        self,
        layout: Callable[[int], Layout],
        rows: Callable[[Parts], Iterator[Rows]] | None = None,
        fitted: bool = False,
    ) -> Written:
        """Embed what isn't yet, and write the table; a table of the same job is left as it is.

        Args:
            layout: of the table, given the number of dimensions.
            rows: of it, made of the parts; by default the embeddings.
            fitted: whether the extractor is.

        Raises:
            ValueError: the table, or the parts of it, are another job's; no recording could be
                embedded; dimensions that change.
            RunInUse: another process writes the table.
        """
        done = self._done()
        self.was_there = done is not None
        if done is not None:
            if self.folder.is_dir():  # a kill came between the table and this
                Parts(self.folder, self.identity).discard()
            return done
        with self._held():
            parts = Parts(self.folder, self.identity)
            if self.extractor.needs_fit and not fitted:
                self._fit(parts)
            self._embed(parts)
            faults = {self.inputs.paths[i]: why for i, why in parts.faults().items()}
            if not parts.dimensions:
                parts.discard()
                raise ValueError(
                    f"none of {len(self.inputs.paths)} recordings could be embedded; the first: "
                    f"{next(iter(faults.values()))}"
                )
            faults = self.inputs.left_out | faults
            written = Written(parts.rows(), parts.dimensions, len(faults))
            provenance = {
                "job": self.identity,
                "about": self.about | {"versions": versions()},
                "state": self.extractor.state(),
                **asdict(written),
            }
            self._write_left_out(faults)
            write_rows(
                self.out,
                layout(written.dimensions),
                (rows or self.embeddings)(parts),
                written.rows,
                provenance,
            )
            parts.discard()
        return written

    def embeddings(self, parts: Parts) -> Iterator[Rows]:
        """The rows of a table of embeddings."""
        for part in parts:
            yield Rows(self.files(part), part.bounds, part.embeddings)

    def files(self, part: Part) -> list[str]:
        """The recording of each row."""
        return [self.inputs.paths[position] for position in part.positions]

    def _done(self) -> Written | None:
        if not self.out.exists():
            return None
        provenance = read_provenance(self.out) or {}
        job = provenance.get("job")
        if job != self.identity:
            differing = "it isn't a table of this command"
            if isinstance(job, dict):
                names = [key for key in self.identity if job.get(key) != self.identity[key]]
                differing = f"its {', '.join(names)} differ"
            raise ValueError(
                f"--out {self.out}: is there and is another run's ({differing}); choose another "
                "file or delete it."
            )
        return Written(*(int(provenance[field.name]) for field in fields(Written)))

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            with hold(self.folder, "table"):
                yield
        except RunInUse as error:
            raise RunInUse(
                f"--out {self.out}: another process writes it just now; wait for its end or choose "
                "another file."
            ) from error
        except OSError as error:
            if error.filename != str(self.folder / ".table.lock"):
                raise
            reason = f"can't be written ({os.strerror(error.errno or 0)}); choose another place"
            raise OSError(error.errno, reason, f"--out {self.out}") from error

    def _fit(self, parts: Parts) -> None:
        """Fit on the recordings themselves, once."""
        state = parts.state
        if state is not None:
            self.extractor.restore(state)
            return
        embedder = RecordingEmbedder(self.extractor, self.inputs.paths)
        title = f"fitting {self.extractor.name} on the recordings"
        count = len(self.inputs.paths)
        with closing(embedder.waveforms()) as waveforms:
            self.extractor.fit(progress(waveforms, title, count, " recordings"))
        parts.state = self.extractor.state()

    def _embed(self, parts: Parts) -> None:
        """Embed what no part covers."""
        embedder = RecordingEmbedder(self.extractor, self.inputs.paths, self.windows)
        total = len(self.inputs.paths)
        missing = parts.missing(total)
        left = sum(map(len, missing))
        title = self.extractor.name
        if left < total:
            title += f", {total - left} of {total} recordings done before"
        with progress(title=title, total=left, unit=" recordings") as bar:
            for positions in missing:
                with (
                    closing(embedder.embed(positions)) as embedded,
                    closing(parts.add(embedded)) as kept,
                ):
                    for _ in kept:
                        bar.update()

    def _write_left_out(self, faults: Mapping[str, str]) -> None:
        if not faults:
            self.left_out.unlink(missing_ok=True)
            return
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(("file", "reason"))
        writer.writerows((in_csv(shown_path(path)), in_csv(why)) for path, why in faults.items())
        write_whole(self.left_out, table.getvalue())
