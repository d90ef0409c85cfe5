"""Entries from the run directory of an evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from datamodules.typed_json import parse
from serab.analyses.overlap import Overlap
from serab.leaderboard.entry import Entry, Heard, SplitScore, System
from serab.protocol import PROTOCOLS
from serab.results.records import ClassifierResult, Predictions
from serab.results.summary import read_summary
from serab.results.verify import Verification, verify_run


def entries_of(run_dir: Path, described: dict, command: str) -> list[Entry]:
    """The entries of a run, one for each task.

    Args:
        run_dir: of `evaluate.py`.
        described: fields of `System`, without its revision and dimension, which the run knows.
        command: that gave the run.

    Raises:
        ValueError: a run that doesn't hold, isn't finished, or is of demo speech or of a part of
            a corpus; names it.
    """
    found = verify_run(run_dir)
    if found.wrong:
        raise ValueError(
            f"{run_dir}: {found.wrong[0]}; `python -m serab.verify {run_dir}` lists what doesn't "
            "hold, and the evaluation has to be run again."
        )
    summary = read_summary(run_dir)
    reported = [row for row in found.results if row.has(PROTOCOLS[row.protocol].reports)]
    if not reported or summary is None:
        raise ValueError(f"{run_dir}: no finished results; let the evaluation finish.")
    for row in reported:
        check_whole(run_dir, row)
    slots = sorted({(row.task, row.protocol) for row in reported})
    return [
        _entry(
            found,
            [row for row in reported if (row.task, row.protocol) == slot],
            described,
            summary["versions"],
            command,
        )
        for slot in slots
    ]


def with_overlaps(entries: Sequence[Entry], paths: Sequence[Path]) -> list[Entry]:
    """The entries, with what `serab.analyses overlap --out FILE` found of their corpora.

    Raises:
        ValueError: a file of something else, or of a corpus that is none of theirs.
    """
    found: dict[str, Heard] = {}
    for path in paths:
        advice = "write it again with `python -m serab.analyses overlap RUN --task CODE --out FILE`"
        overlap = parse(path.read_bytes(), Overlap, str(path), advice)
        if all(overlap.corpus_digest != entry.corpus_digest for entry in entries):
            codes = ", ".join(dict.fromkeys(entry.task for entry in entries))
            raise ValueError(
                f"{path}: is of another {overlap.corpus} than the corpora of the run ({codes}); "
                f"{advice}."
            )
        found[overlap.corpus_digest] = Heard(
            overlap.recordings, overlap.utterances, len(overlap.shared)
        )
    return [replace(entry, heard=found.get(entry.corpus_digest)) for entry in entries]


def check_whole(run_dir: Path, row: ClassifierResult) -> None:
    """Raise ValueError for a result that isn't one of a whole corpus."""
    if row.demo:
        raise ValueError(f"{run_dir}: {row.task} is demo speech, which is no result.")
    if row.partial:
        raise ValueError(
            f"{run_dir}: {row.task} is a part of the corpus; prepare all of it (`serab.prepare` "
            "without allow_partial) and evaluate again."
        )


def _entry(
    found: Verification,
    rows: Sequence[ClassifierResult],
    described: dict,
    versions: dict[str, str],
    command: str,
) -> Entry:
    rows = sorted(rows, key=lambda row: row.seed)
    answers = {prediction.slot: prediction for prediction in found.predictions}
    first = rows[0]
    every = [r for r in found.results if (r.task, r.protocol) == (first.task, first.protocol)]
    system = System(**described, revision=first.extractor_fingerprint, embed_dim=first.embed_dim)
    tested = "\n".join(name for row in rows for name in answers[row.slot].utterances)
    return Entry(
        system,
        first.task,
        first.protocol,
        [_split(row, answers[row.slot]) for row in rows],
        first.corpus_digest,
        hashlib.sha256(tested.encode()).hexdigest(),
        sorted({leak for row in rows for leak in row.leaks}),
        round(sum(row.seconds for row in every), 1),
        versions,
        command,
        folds=first.folds,
    )


def _split(row: ClassifierResult, answers: Predictions) -> SplitScore:
    assert row.test_accuracy is not None
    assert row.test_uar is not None
    assert row.test_macro_f1 is not None
    right = [str(int(t == p)) for t, p in zip(answers.true, answers.predicted, strict=True)]
    by_speaker = groupby(zip(answers.speakers, right, strict=True), key=lambda pair: pair[0])
    return SplitScore(
        row.seed,
        row.classifier,
        row.params,
        row.val_accuracy,
        row.test_accuracy,
        row.test_uar,
        row.test_macro_f1,
        row.over_utterances,
        row.over_speakers,
        row.n_train,
        row.n_val,
        [(speaker, "".join(digit for _, digit in pairs)) for speaker, pairs in by_speaker],
    )
