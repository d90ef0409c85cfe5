"""One extractor on one corpus: split, embed, search, keep each result as soon as it is there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from serab.classifiers import CLASSIFIERS
from serab.corpora import CORPORA
from serab.embed import embed_corpus
from serab.extractors.base import Extractor
from serab.index import CorpusIndex, load_index, prepared
from serab.protocol import Searched, Task, search
from serab.results import ClassifierResult, Predictions, RunFiles
from serab.scores import SERAB_TASKS, accuracy, chance, macro_f1, majority, uar
from serab.splits import LeakReport, Split, leak_report, split

log = logging.getLogger("evaluate")


def choose_tasks(tasks: Sequence[str] | None, root: Path | None = None) -> list[CorpusIndex]:
    """Load the corpora of an evaluation, all of them before anything is computed.

    Args:
        tasks: codes; by default those of the nine that are prepared.
        root: of the prepared corpora.

    Raises:
        ValueError: an unknown code, a corpus that isn't prepared or isn't what it was, or none.
    """
    if tasks is None:
        tasks = [code for code in SERAB_TASKS if code in prepared(root)]
        if not tasks:
            raise ValueError(
                "no corpus is prepared (SERAB_DATA chooses the place); run `python -m "
                "serab.prepare EMB --source ARCHIVE_OR_FOLDER`, or name tasks=[...]."
            )
    for code in tasks:
        if code not in CORPORA:
            raise ValueError(f"tasks: unknown {code!r}; expected among {', '.join(CORPORA)}.")
    return [load_index(code, root) for code in tasks]


def evaluate_task(
    extractor: Extractor,
    index: CorpusIndex,
    protocol: str,
    files: RunFiles,
    classifiers: Sequence[str] | None = None,
    seed: int = 0,
    jobs: int = -1,
) -> tuple[tuple[ClassifierResult, ...], LeakReport]:
    """Run one task and keep its results in `files`; what `files` already has isn't done again.

    Args:
        extractor: the system under test.
        index: the corpus.
        protocol: by name.
        files: of the run.
        classifiers: names; by default all five.
        seed: of the split.
        jobs: processes.

    Returns:
        the task's results, the selected and the best marked, and what leaks between the parts.
    """
    names = list(CLASSIFIERS if classifiers is None else classifiers)
    unknown = [name for name in names if name not in CLASSIFIERS]
    if unknown:
        raise ValueError(
            f"classifiers: unknown {unknown}; expected among {', '.join(CLASSIFIERS)}."
        )
    parts = split(index, protocol, seed)
    leaks = leak_report(index, parts)
    key = (index.digest, extractor.fingerprint)
    missing = [n for n in names if not files.find((index.code, protocol, seed, n, *key))]
    if missing:
        task, order = make_task(extractor, index, parts)
        for searched in search(task, missing, jobs):
            result, predictions = _record(searched, task, order, extractor, index, parts, leaks)
            files.add(result, predictions)
            log.info(
                "%s %-4s validation %.3f, %.1f s",
                *(index.code, result.classifier, result.val_accuracy, result.seconds),
            )
    return files.mark(index.code, protocol, seed), leaks


def make_task(extractor: Extractor, index: CorpusIndex, parts: Split) -> tuple[Task, np.ndarray]:
    """Embed the parts of a corpus, in the order training, validation, test; and that order."""
    order = np.concatenate([parts.train, parts.validation, parts.test])
    utterances = [index.utterances[i] for i in order]
    ids = [u.group if parts.protocol == "published" else u.speaker for u in utterances]
    return Task(
        embed_corpus(extractor, index, parts.train, order),
        np.array([u.emotion for u in utterances]),
        np.array(ids),
        len(parts.train),
        len(parts.validation),
    ), order


def _record(
    searched: Searched,
    task: Task,
    order: np.ndarray,
    extractor: Extractor,
    index: CorpusIndex,
    parts: Split,
    leaks: LeakReport,
) -> tuple[ClassifierResult, Predictions]:
    true, predicted = task.emotions[task.n_fit :], searched.predicted
    shared = {
        "task": index.code,
        "protocol": parts.protocol,
        "seed": parts.seed,
        "classifier": searched.classifier,
    }
    result = ClassifierResult(
        **shared,
        extractor=extractor.name,
        params=searched.params,
        val_accuracy=searched.val_accuracy,
        test_accuracy=accuracy(true, predicted),
        test_uar=uar(true, predicted),
        test_macro_f1=macro_f1(true, predicted),
        n_train=task.n_train,
        n_val=task.n_validation,
        n_test=len(true),
        embed_dim=task.embeddings.shape[1],
        chance=chance(parts.emotions),
        majority=majority(task.emotions[: task.n_fit], true),
        seconds=round(searched.seconds, 3),
        corpus_digest=index.digest,
        extractor_fingerprint=extractor.fingerprint,
        partial=index.partial,
        demo=CORPORA[index.code].demo,
        leaks=[] if leaks.clean else leaks.lines(),
    )
    tested = [index.utterances[i] for i in order[task.n_fit :]]
    return result, Predictions(
        **shared,
        emotions=list(parts.emotions),
        utterances=[u.id for u in tested],
        speakers=[u.speaker for u in tested],
        true=true.tolist(),
        predicted=predicted.tolist(),
    )
