"""Evaluations of one encoder that ran beside each other, merged into one run directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from datamodules.files import write_whole
from serab.protocol import PROTOCOLS
from serab.results.kept import (
    KeptClassifier,
    all_kept,
    kept_bytes,
    kept_path,
    summary_with_calibration,
    write_kept,
)
from serab.results.projection import FOLDER
from serab.results.records import TEST_SCORES, ClassifierResult, marked
from serab.results.run_files import REGRESSION, RESULTS, Record, Rows, RunFiles
from serab.results.summary import write_summary

MERGED = "merged"
_DEPENDENT = {"selected", "best_on_test", "seconds", *TEST_SCORES}
"""Marks and seconds depend on what else a run did; nothing else may differ."""


def evaluations(folder: Path) -> list[Path]:
    """The run directories of evaluate.py in a sweep's directory, by the number of their job."""
    found = {
        path.parent
        for pattern in ("*", "*/evaluate")
        for name in (RESULTS, REGRESSION)
        for path in folder.glob(f"{pattern}/{name}")
        if path.relative_to(folder).parts[0] != MERGED
    }
    numbered = {path: path.relative_to(folder).parts[0] for path in found}
    return sorted(found, key=lambda path: (numbered[path].zfill(9), str(path)))


def merge_sweep(folder: Path) -> list[Path]:
    """Merge those evaluations of a sweep that are of one encoder under the same protocols.

    Returns:
        the merged run directories, in SWEEP_DIR/merged; none where nothing is to be merged.

    Raises:
        ValueError: two evaluations that say different things of the same.
    """
    groups: dict[tuple[str, str, str], list[Path]] = {}
    for run_dir in evaluations(folder):
        files = RunFiles(run_dir)
        rows = [*files.results, *files.regression]
        protocols = "+".join(name for name in PROTOCOLS if any(r.protocol == name for r in rows))
        for row in rows:
            key = (row.extractor, protocols, row.extractor_fingerprint)
            if run_dir not in groups.setdefault(key, []):
                groups[key].append(run_dir)
    merged = []
    for (extractor, protocol, fingerprint), run_dirs in groups.items():
        if len(run_dirs) > 1:
            name = f"{extractor}-{protocol}-{fingerprint[:8]}".replace("/", "-")
            merged.append(merge_runs(run_dirs, folder / MERGED / name))
    return merged


def merge_runs(run_dirs: Sequence[Path], out: Path) -> Path:
    """Write the results of some run directories, of one encoder and protocol, into `out`.

    Which classifier is selected is decided anew over all of a split's; under the strict protocol
    those that are not selected lose their test scores. Merged again, `out` is what it was.

    Raises:
        ValueError: two of them say different things of the same task, split and classifier.
    """
    files, parts = RunFiles(out), [RunFiles(run_dir) for run_dir in run_dirs]
    _merge(files.results, [part.results for part in parts], out)
    _merge(files.predictions, [part.predictions for part in parts], out)
    _merge(files.regression, [part.regression for part in parts], out)
    _merge(files.layers, [part.layers for part in parts], out)
    for split in dict.fromkeys(row.split for row in files.results):
        protocol = PROTOCOLS[split[1]]
        chosen: Sequence[ClassifierResult] = marked(
            files.results.of_split(split), protocol.tests_all
        )
        if not protocol.tests_all:
            # where a run was stopped, the best may not be tested yet: then none is selected
            chosen = [
                row if row.selected and row.test_accuracy is not None else _untested(row)
                for row in chosen
            ]
            files.predictions.drop([row.slot for row in chosen if not row.selected])
        files.results.put(*chosen)
    for run_dir in run_dirs:
        for path in sorted(run_dir.glob(f"{FOLDER}/*")):
            write_whole(out / FOLDER / path.name, path.read_bytes())
    _merge_kept(run_dirs, files, out)
    names = {row.protocol for row in files.results}
    if names:
        protocols = [protocol for protocol in PROTOCOLS.values() if protocol.name in names]
        write_summary(summary_with_calibration(files.results, protocols, out), out)
    return out


def _merge_kept(run_dirs: Sequence[Path], files: RunFiles, out: Path) -> None:
    """Of the kept classifiers those that are selected over all of a split's."""

    def is_selected(kept: KeptClassifier) -> bool:
        row = files.results.find((kept.task, kept.protocol, kept.seed, kept.classifier))
        return row is not None and bool(row.selected) and kept.is_of(row)

    for kept in all_kept(out):
        if not is_selected(kept):
            kept_path(out, kept.task, kept.protocol).unlink()
    for run_dir in run_dirs:
        for kept in filter(is_selected, all_kept(run_dir)):
            content = kept_bytes(kept_path(run_dir, kept.task, kept.protocol), kept)
            write_kept(out, kept, content)


def _merge(rows: Rows[Record], parts: Sequence[Rows[Record]], out: Path) -> None:
    found: dict[tuple, Record] = {}
    for part in parts:
        for row in part:
            _no_contradiction(found.setdefault(row.slot, row), row, out)
    rows.drop([row.slot for row in rows if row.slot not in found])
    if found:
        rows.put(*found.values())


def _untested(row: ClassifierResult) -> ClassifierResult:
    blank: dict[str, Any] = dict.fromkeys(TEST_SCORES)
    return replace(row, selected=False, **blank)


def _no_contradiction(kept: Record, row: Record, out: Path) -> None:
    names = [field.name for field in fields(row) if field.name not in _DEPENDENT]
    if any(getattr(kept, name) != getattr(row, name) for name in names):
        raise ValueError(
            f"{out.parent.parent}: two runs say different things of {', '.join(map(str, row.slot))}"
            "; evaluate it again with cache=false in a new run_dir."
        )
