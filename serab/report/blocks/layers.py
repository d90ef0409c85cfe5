"""The report's layers: validation accuracy over them, and which one each classifier took."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.page import Block, Heading, Picture, Pictures, Table, Text
from serab.report.pictures import Curve, layers_picture, picture_name
from serab.report.runs import Run
from serab.report.words import percent


def layers(runs: Sequence[Run]) -> list[Block]:
    """Per run and task, of split 0; nothing where no extractor gave several layers."""
    pictures: list[Picture] = []
    rows: list[tuple[str, ...]] = []
    for run in runs:
        for task in run.tasks:
            curves = _curves(run, task)
            if not curves:
                continue
            label = f"{run.label}, {run.protocol.name}"
            pictures.append(_picture(run, task, curves))
            for curve in curves:
                best, last = max(curve.scores), curve.scores[-1]
                cells = (str(curve.chosen), percent(best), percent(last))
                rows.append((label, task, curve.label, *cells))
    if not pictures:
        return []
    header = ("run", "task", "classifier", "layer", "validation %", "last layer %")
    return [
        Heading("Layers"),
        Text(
            "Each classifier's layer is chosen on validation speakers, as its other parameters "
            "are; no test utterance takes part. The best of many layers is high partly by luck, so "
            "what it scores on validation says less of other speakers than the test score does. "
            "Layer 0 enters the first transformer layer. Maps of embeddings are of the last layer."
        ),
        Pictures(tuple(pictures)),
        Table(header, tuple(rows), "Split 0."),
    ]


def _curves(run: Run, task: str) -> list[Curve]:
    by_slot = {scores.slot: scores for scores in run.layers}
    found = []
    for row in run.results:
        scores = by_slot.get(row.slot)
        if row.task == task and row.seed == 0 and row.folds is None and scores is not None:
            found.append(Curve(row.classifier, scores.layers, scores.validation, scores.chosen))
    return found


def _picture(run: Run, task: str, curves: Sequence[Curve]) -> Picture:
    chance = next(row.chance for row in run.results if row.task == task)
    label = f"{run.label}, {run.protocol.name}"
    spoken = ", ".join(f"{curve.label} takes layer {curve.chosen}" for curve in curves)
    return layers_picture(
        picture_name("layers", task, run.label, run.protocol.name),
        f"Validation accuracy on {task} over the layers of {label}: {spoken}",
        f"{label}\n{task}: validation accuracy over layers",
        curves,
        chance,
    )
