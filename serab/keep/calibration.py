"""Probabilities that mean what they say: one temperature, found on speakers not fitted on.

Guo et al., "On calibration of modern neural networks" (ICML 2017): log-scores are divided by the
temperature under which the true classes of held-out utterances are likeliest. One number is all
that a few validation speakers can settle, and it leaves the order of the classes as it is.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.pipeline import Pipeline

BINS = 10
_LOG_RANGE = (-7.0, 14.0)
"""Of the temperature: QDA's scores are sums over hundreds of dimensions."""


def log_scores(classifier: Pipeline, x: np.ndarray) -> np.ndarray:
    """Scores (n, classes) whose softmax are the classifier's own probabilities, if it has any.

    Discriminants and logistic regressions give log-posteriors up to a constant. A forest's shares
    of trees are no less than half a tree. An SVC has no probabilities: its decision values stand
    in their place, which is why its error before calibration is no more than a reference.
    """
    estimator = classifier[-1]
    if hasattr(estimator, "decision_function"):
        scores = classifier.decision_function(x)
        return scores if scores.ndim == 2 else np.stack([np.zeros_like(scores), scores], axis=1)
    least = 0.5 / estimator.n_estimators
    return np.log(np.maximum(classifier.predict_proba(x), least))


def find_temperature(scores: np.ndarray, classes: np.ndarray, true: np.ndarray) -> float:
    """The temperature of the largest likelihood.

    Args:
        scores: (n, classes) of utterances that the classifier wasn't fitted on.
        classes: labels of the columns.
        true: (n,) labels; utterances of classes that aren't among `classes` have no say.

    Returns:
        above 0; 1 where no utterance has a say.
    """
    known = np.isin(true, classes)
    if not known.any():
        return 1.0
    scores = scores[known]
    columns = np.searchsorted(classes, true[known])

    def loss(log_temperature: float) -> float:
        likelihoods = log_softmax(scores / np.exp(log_temperature), axis=1)
        return -float(likelihoods[np.arange(len(columns)), columns].mean())

    found = minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def probabilities(scores: np.ndarray, temperature: float) -> np.ndarray:
    """(n, classes), rows sum to 1."""
    return softmax(scores / temperature, axis=1)


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: |share right - mean confidence| of each bin, weighted by size.

    Args:
        confidence: (n,) probability of the label that was predicted.
        right: (n,) whether it is the true one.
        bins: of equal width over 0 to 1.
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    sums = np.bincount(place, right.astype(float) - confidence, minlength=bins)
    return float(np.abs(sums).sum() / len(confidence))


def confidence_of(
    classifier: ClassifierMixin, shares: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    """(n,) probability of each predicted label, of (n, classes) ones."""
    columns = np.searchsorted(classifier.classes_, predicted)
    return shares[np.arange(len(predicted)), columns]
