"""Valence and arousal as regression, the extension that the paper proposes (section 5)."""

from __future__ import annotations

import logging
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.svm import SVR

from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.estimators.grid import Candidate
from serab.estimators.svm import predict_svms
from serab.extractors.base import Extractor
from serab.index import CorpusIndex
from serab.protocol import Protocol
from serab.results.records import RegressionResult
from serab.results.run_files import RunFiles
from serab.scores import ccc, rmse
from serab.search import PreparedTask, Task
from serab.splits import LeakReport, leak_report, split
from serab.tasks import DIMENSIONS, VALENCE_AROUSAL

log = logging.getLogger("evaluate")


_C = [10.0**exponent for exponent in range(3, -5, -1)]

REGRESSORS: dict[str, Candidate] = {
    regressor.name: regressor
    for regressor in (
        Candidate("ridge", Ridge(), {"alpha": [10.0**exponent for exponent in range(6, -3, -1)]}),
        Candidate(
            "SVR", SVR(max_iter=10_000), {"kernel": ["rbf", "linear"], "C": _C}, predict_svms
        ),
    )
}


def run_regression(
    extractor: Extractor,
    index: CorpusIndex,
    protocol: Protocol,
    files: RunFiles,
    seed: int = 0,
    jobs: int = -1,
    cache: Cache | None = None,
) -> tuple[tuple[RegressionResult, ...], LeakReport]:
    """Predict valence and arousal, on the corpus' split for emotions; CCC chooses and scores.

    Args:
        extractor: the system under test.
        index: a corpus with valence and arousal.
        protocol: as for emotions; under "strict" only the selected regressor is tested.
        files: of the run; what they have isn't done again.
        seed: of the split.
        jobs: threads for a grid; -1 takes all processors.
        cache: of embeddings and decoded audio; by default the one at `cache_root()`.

    Raises:
        ValueError: utterances without valence or arousal.
    """
    task = next(name for name, code in VALENCE_AROUSAL.items() if code == index.code)
    bare = [u.id for u in index.utterances if u.valence is None or u.arousal is None]
    if bare:
        raise ValueError(
            f"{task}: {len(bare)} utterances of {index.code} have no valence or arousal, "
            f"{bare[0]} is the first; prepare the corpus with its label files."
        )
    parts = split(index, protocol.name, seed)
    leaks = leak_report(index, parts)
    source = (index.digest, extractor.fingerprint, version("scikit-learn"))
    order = np.concatenate([parts.train, parts.validation, parts.test])
    utterances = [index.utterances[i] for i in order]
    rows, embeddings = files.regression, None
    for dimension in DIMENSIONS:
        key = (task, dimension, protocol.name, seed)
        rows.drop(row.slot for row in rows.of_split(key) if row.source != source)
        missing = [name for name in REGRESSORS if rows.find((*key, name)) is None]
        done = any(r.selected and r.test_ccc is not None for r in rows.of_split(key))
        if done and not missing:
            continue
        if embeddings is None:
            embeddings = embed_corpus(extractor, index, parts.train, order, cache)
        prepared = PreparedTask(
            Task(
                embeddings,
                np.array([getattr(u, dimension) for u in utterances]),
                np.array([u.group if protocol.per_speaker else u.speaker for u in utterances]),
                len(parts.train),
                len(parts.validation),
            ),
            protocol,
            jobs,
        )
        for name in missing:
            searched = prepared.search(REGRESSORS[name], ccc)
            row = RegressionResult(
                task=task,
                dimension=dimension,
                extractor=extractor.name,
                protocol=protocol.name,
                regressor=name,
                params=searched.params,
                val_ccc=searched.val_score,
                test_ccc=None,
                test_rmse=None,
                n_train=len(parts.train),
                n_val=len(parts.validation),
                n_test=len(parts.test),
                seed=seed,
                seconds=round(searched.seconds, 3),
                corpus_digest=source[0],
                extractor_fingerprint=source[1],
                scikit_learn=source[2],
                partial=index.partial,
                leaks=[] if leaks.clean else leaks.lines(),
            )
            rows.put(_tested(row, prepared) if protocol.tests_all else row)
            log.info("%s %s %-5s validation CCC %.3f", task, dimension, name, row.val_ccc)
        best = max(rows.of_split(key), key=lambda row: row.val_ccc)
        rows.put(*(replace(row, selected=row is best) for row in rows.of_split(key)))
        if best.test_ccc is None:
            rows.put(_tested(replace(best, selected=True), prepared))
    return tuple(
        r for r in rows if (r.task, r.protocol, r.seed) == (task, protocol.name, seed)
    ), leaks


def _tested(row: RegressionResult, prepared: PreparedTask) -> RegressionResult:
    predicted = prepared.predict_test(REGRESSORS[row.regressor], row.params)
    true = prepared.task.test_targets
    return replace(row, test_ccc=ccc(true, predicted), test_rmse=rmse(true, predicted))
