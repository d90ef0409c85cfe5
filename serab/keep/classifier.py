"""Fit the chosen classifier as it was tested, calibrate it, and write or read it by skops."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import __version__ as scikit_learn
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from serab.classifiers import CLASSIFIERS
from serab.keep.calibration import (
    BINS,
    calibration_error,
    confidence_of,
    find_temperature,
    log_scores,
    probabilities,
)
from serab.keep.skops_file import classifier_bytes, classifier_from
from serab.results.kept import (
    FORMAT,
    Calibration,
    KeptClassifier,
    kept_bytes,
    kept_path,
    read_kept,
    write_kept,
)
from serab.results.records import ClassifierResult, Predictions
from serab.search import PreparedTask


def keep_classifier(
    run_dir: Path,
    row: ClassifierResult,
    prepared: PreparedTask,
    emotions: tuple[str, ...],
    extractor_state: dict[str, Any],
    answers: Predictions,
) -> KeptClassifier:
    """Fit on training and validation with the row's parameters, and keep it in the run directory.

    The temperature is that of the same classifier fitted on training alone, on the validation
    speakers; the classifier that is kept has seen these, so they can't calibrate it.

    Args:
        row: selected and tested.
        prepared: its task.
        emotions: classes of the task, the order of the probabilities.
        extractor_state: what the extractor was fitted to.
        answers: what the run recorded for the test part.
    """
    task, candidate = prepared.task, CLASSIFIERS[row.classifier]
    n_train, n_fit = task.n_train, task.n_fit
    embeddings, targets = prepared.embeddings, task.targets
    # one thread of linear algebra, as in the search: sums in another order are other numbers
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as the search has it
        trained = prepared.fit(candidate, row.params, n_train)
        classifier = prepared.fit(candidate, row.params, n_fit)
    temperature = find_temperature(
        log_scores(trained, embeddings[n_train:n_fit]), trained.classes_, targets[n_train:n_fit]
    )
    predicted = classifier.predict(embeddings[n_fit:])
    scores, right = log_scores(classifier, embeddings[n_fit:]), predicted == task.test_targets
    before, after = (
        calibration_error(confidence_of(classifier, probabilities(scores, value), predicted), right)
        for value in (1.0, temperature)
    )
    content = classifier_bytes(classifier)
    kept = KeptClassifier(
        format=FORMAT,
        task=row.task,
        protocol=row.protocol,
        seed=row.seed,
        classifier=row.classifier,
        params=row.params,
        emotions=list(emotions),
        speakers=sorted(set(task.speakers[:n_fit].tolist())),
        utterances=n_fit,
        embed_dim=row.embed_dim,
        extractor=row.extractor,
        extractor_fingerprint=row.extractor_fingerprint,
        extractor_state=extractor_state,
        corpus_digest=row.corpus_digest,
        scikit_learn=row.scikit_learn,
        calibration=Calibration(
            temperature=temperature,
            utterances=task.n_validation,
            speakers=sorted(set(task.speakers[n_train:n_fit].tolist())),
            error_before=before,
            error_after=after,
            bins=BINS,
        ),
        differs=int((predicted != np.array(answers.predicted)).sum()),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    write_kept(run_dir, kept, content)
    return kept


class EmotionClassifier:
    """A kept classifier, ready for embeddings that are normalised as its protocol says.

    Args:
        run_dir: of evaluate.py.
        task, protocol: whose.

    Raises:
        ValueError: none is kept, another format or scikit-learn, edited, or it holds something
            else than the estimators of the benchmark; one sentence.
    """

    def __init__(self, run_dir: Path, task: str, protocol: str):
        path = kept_path(run_dir, task, protocol)
        kept = read_kept(path)
        if kept is None:
            raise ValueError(f"{path}: no such file; evaluate with keep=true.")
        if kept.format != FORMAT:
            raise ValueError(
                f"{path}: is of format {kept.format}, expected {FORMAT}; evaluate again."
            )
        if kept.scikit_learn != scikit_learn:
            raise ValueError(
                f"{path}: was fitted by scikit-learn {kept.scikit_learn}, here is {scikit_learn}, "
                "whose fitted classifiers may differ; install that version, or delete the file and "
                "evaluate again."
            )
        self.path, self.kept = path, kept
        source = str(path.with_suffix(".skops"))
        self._classifier = classifier_from(kept_bytes(path, kept), source)
        if set(map(str, self._classifier.classes_)) - set(kept.emotions):
            raise ValueError(
                f"{source}: isn't the classifier that {path.name} says; evaluate again."
            )

    def predict(self, embeddings: np.ndarray) -> tuple[list[str], np.ndarray]:
        """Labels (n,) and probabilities (n, emotions) of embeddings (n, D), calibrated.

        The label is what the run's test predictions are made of. An SVC's comes of votes between
        pairs of classes, and may differ from the largest probability where two are close.
        """
        x = embeddings.astype(np.float64)
        labels = self._classifier.predict(x)
        shares = probabilities(log_scores(self._classifier, x), self.kept.calibration.temperature)
        ordered = np.zeros((len(x), len(self.kept.emotions)))
        for column, emotion in enumerate(self._classifier.classes_):
            ordered[:, self.kept.emotions.index(emotion)] = shares[:, column]
        return labels.tolist(), ordered
