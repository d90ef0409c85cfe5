"""Recordings to embeddings in their order: decoded ahead by threads, with little of it pending."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.audio import shown_path
from datamodules.prefetch import prefetch, processors
from serab.embed.corpus import batches, check_shape
from serab.embed.waveforms import read_waveform
from serab.extractors.base import Extractor
from serab.extractors.loading import single_threaded_torch
from serab.recordings.windows import Windows

_GROUP = 4
"""Batches whose recordings are sorted by length together, where batches are large."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """A recording's rows, or why it has none.

    Attributes:
        position: of the recording among the inputs.
        bounds: float64 (rows, 2), start and end of each row in seconds.
        embeddings: float32 (rows, D).
        fault: one sentence; rows is then 0.
    """

    position: int
    bounds: np.ndarray
    embeddings: np.ndarray
    fault: str | None = None


@dataclass(frozen=True, eq=False)
class _Decoded:
    position: int
    pieces: tuple[np.ndarray, ...]
    bounds: np.ndarray
    fault: str | None


class RecordingEmbedder:
    """Embeds recordings by an extractor that is fitted.

    Args:
        extractor: the encoder.
        paths: of all recordings.
        windows: rows over time; None for one row a recording.

    Raises:
        ValueError: an extractor of several layers, among which nothing chooses here.
    """

    def __init__(self, extractor: Extractor, paths: Sequence[str], windows: Windows | None = None):
        if extractor.layers:
            first, *_, last = extractor.layers
            raise ValueError(
                f"extractor.layer=all: {extractor.name} has the layers {first} to {last}, and only "
                "evaluate.py chooses among them; give the number of one, or mean."
            )
        self.extractor, self.paths, self.windows = extractor, paths, windows

    def embed(self, positions: Iterable[int]) -> Generator[Embedded, None, None]:
        """The recordings at `positions`, in that order; what can't be read or embedded has a fault.

        Raises:
            ValueError: the extractor gives something else than one embedding a waveform.
        """
        if self.extractor.concurrent:
            with (
                single_threaded_torch(),
                closing(
                    prefetch(lambda i: self._transform([self._decode(i)])[0], positions)
                ) as done,
            ):
                yield from done
        else:
            decoded = prefetch(self._decode, positions, max_pending=max(2, processors()))
            with closing(decoded):
                for group in self._groups(decoded):
                    yield from self._transform(group)

    def waveforms(self) -> Generator[np.ndarray, None, None]:
        """The recordings that can be read, whole, for `Extractor.fit`."""
        with closing(prefetch(self._read, range(len(self.paths)))) as read:
            yield from (waveform for waveform in read if not isinstance(waveform, str))

    def _read(self, position: int) -> np.ndarray | str:
        """Its waveform, or why there is none."""
        path = self.paths[position]
        shown = shown_path(path)
        if shown != path:
            return f"{shown}: its name isn't UTF-8; rename it."
        try:
            return read_waveform(Path(path), self.extractor.sample_rate)
        except ValueError as error:
            return str(error)

    def _decode(self, position: int) -> _Decoded:
        waveform, rate = self._read(position), self.extractor.sample_rate
        if isinstance(waveform, str):
            return _Decoded(position, (), np.zeros((0, 2)), waveform)
        cuts = [(0, len(waveform))]
        if self.windows is not None:
            cuts = self.windows.cut(len(waveform), rate)
        pieces = tuple(waveform[start:end] for start, end in cuts)
        return _Decoded(position, pieces, np.array(cuts, dtype=np.float64) / rate, None)

    def _groups(self, decoded: Iterable[_Decoded]) -> Iterator[list[_Decoded]]:
        """Recordings for a few batches, so that those of about one length come together."""
        group: list[_Decoded] = []
        pieces, samples = 0, 0
        for recording in decoded:
            group.append(recording)
            pieces += len(recording.pieces)
            samples += sum(map(len, recording.pieces))
            seconds = samples / self.extractor.sample_rate
            full = pieces >= _GROUP * self.extractor.batch_size
            if full or seconds >= _GROUP * self.extractor.batch_seconds:
                yield group
                group, pieces, samples = [], 0, 0
        if group:
            yield group

    def _transform(self, group: Sequence[_Decoded]) -> list[Embedded]:
        pieces = [piece for recording in group for piece in recording.pieces]
        seconds = [len(piece) / self.extractor.sample_rate for piece in pieces]
        rows: dict[int, np.ndarray | str] = {}
        for batch in batches(self.extractor, seconds, range(len(pieces))):
            rows |= dict(zip(batch, self._rows([pieces[i] for i in batch]), strict=True))
        embedded, taken = [], 0
        for recording in group:
            owned = [rows[i] for i in range(taken, taken + len(recording.pieces))]
            taken += len(owned)
            embedded.append(self._collected(recording, owned))
        return embedded

    def _rows(self, pieces: list[np.ndarray]) -> list[np.ndarray | str]:
        """An embedding of each waveform, or the extractor's complaint about it."""
        try:
            embeddings = self.extractor.transform(pieces)
        except ValueError as error:
            if len(pieces) == 1:
                return [str(error)]
            return [row for piece in pieces for row in self._rows([piece])]
        check_shape(embeddings, len(pieces), self.extractor)
        return list(embeddings)

    def _collected(self, recording: _Decoded, rows: Sequence[np.ndarray | str]) -> Embedded:
        fault = recording.fault or next((row for row in rows if isinstance(row, str)), None)
        embeddings = [row for row in rows if not isinstance(row, str)]
        if fault is None and not np.isfinite(embeddings).all():
            fault = "its embedding isn't finite; listen to it, or check the extractor."
        if fault is not None:
            return Embedded(recording.position, np.zeros((0, 2)), np.zeros((0, 0), "f4"), fault)
        return Embedded(recording.position, recording.bounds, np.stack(embeddings).astype("f4"))
