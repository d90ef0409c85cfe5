"""The report's confusion matrices and embedding maps, task by task."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from serab.report.page import Block, Heading, Picture, Pictures, Text
from serab.report.pictures import confusion_picture, map_picture, picture_name
from serab.report.runs import Run
from serab.report.words import MARKS, percent
from serab.results.projection import MAP_UTTERANCES, load_projection
from serab.scores import confusion


def gallery(runs: Sequence[Run]) -> list[Block]:
    """Per task and run: who is taken for whom, and what the embeddings tell apart."""
    blocks: list[Block] = []
    for task in dict.fromkeys(task for run in runs for task in run.tasks):
        pictures = [p for run in runs for p in (*_confusion(run, task), *_maps(run, task, runs))]
        if pictures:
            blocks += [Heading(task, 3), Pictures(tuple(pictures))]
    if not blocks:
        return []
    return [
        Heading("Confusions and embeddings"),
        Text(
            "Confusions are counts of test utterances, rows true and columns predicted, shaded by "
            "the share of the true class. Maps are t-SNE of the leading principal components of "
            f"all utterances' embeddings (of {MAP_UTTERANCES:,} at most), standardised but not "
            "normalised by speaker; distances between clusters mean nothing."
        ),
        *blocks,
    ]


def _confusion(run: Run, task: str) -> list[Picture]:
    row = run.chosen(task)
    answers = run.predicted(row)
    if row is None or answers is None:
        return []
    counts = np.array(confusion(answers.true, answers.predicted, answers.emotions))
    score = f"{percent(row.test_accuracy)} %"
    recalls = ", ".join(
        f"{emotion} {right}/{total}"
        for emotion, right, total in zip(
            answers.emotions, counts.diagonal(), counts.sum(axis=1), strict=True
        )
    )
    chosen = MARKS[run.protocol.reports]
    return [
        confusion_picture(
            picture_name("confusion", task, run.label, run.protocol.name),
            f"Confusion matrix on {task} of {run.label}, {run.protocol.name}: {recalls} right",
            f"{run.label}, {run.protocol.name}\n{row.classifier}, {chosen}, {score}",
            counts,
            answers.emotions,
        )
    ]


def _maps(run: Run, task: str, runs: Sequence[Run]) -> list[Picture]:
    """By emotion and by speaker; once for runs of the same encoder on the same training part."""
    if task not in run.tasks:
        return []
    twin = next(r for r in runs if task in r.tasks and _embedding(r, task) == _embedding(run, task))
    projection = load_projection(run.run_dir, task, run.protocol.name)
    if twin is not run or projection is None or len(projection.components) < 8:
        return []
    points = cache(projection.map)  # seconds of work, for both pictures, when the first is drawn
    return [
        map_picture(
            picture_name(f"map-{kind}", task, run.label, run.protocol.name),
            f"t-SNE map of the embeddings of {task} by {run.label}, coloured by {kind}",
            f"{run.label}: {task} by {kind}",
            points,
            labels[projection.rows],
            kind,
        )
        for kind, labels in (("emotion", projection.emotions), ("speaker", projection.speakers))
    ]


def _embedding(run: Run, task: str) -> tuple:
    """What the map depends on: the encoder, and the training part where it is fitted to it."""
    row = next(row for row in run.results if row.task == task)
    return (row.extractor_fingerprint, row.corpus_digest, row.n_train, row.n_val, row.n_test)
