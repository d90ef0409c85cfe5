"""Embeddings in which emotions overlap, as folds of several shapes and kinds."""

import numpy as np

from serab.estimators.grid import Fold, Workers

TWO, ONE = Workers(2), Workers(1)


def emotional(n: int, dimensions: int, classes: int = 4, seed: int = 0):
    """Embeddings in which emotions overlap, and classes of unlike sizes."""
    random = np.random.default_rng(seed)
    shares = np.arange(2, classes + 2)
    targets = random.permutation(np.repeat(np.arange(classes), shares * n // shares.sum() + 1)[:n])
    means = random.normal(size=(classes, dimensions)) * (1 + np.arange(dimensions)) ** -0.5
    embeddings = random.normal(size=(n, dimensions)) + 1.5 * means[targets]
    return embeddings, np.array([f"emotion{k}" for k in targets])


def fold(n: int, dimensions: int, classes: int = 4, **changes) -> Fold:
    embeddings, targets = emotional(n + 80, dimensions, classes)
    return Fold(**{"x": embeddings[:n], "y": targets[:n], "tested": embeddings[n:]} | changes)


WIDE, TALL = (60, 150), (150, 20)
KINDS = ("as they come", "tied", "constant features", "equally many")


def of_kind(kind: str, shape: tuple[int, int]) -> Fold:
    made = fold(*shape)
    x, y, tested = made.x, made.y, made.tested
    if kind == "tied":  # few values, and every utterance twice, half of them with another emotion
        x, tested = np.round(2 * x) / 2, np.round(2 * tested) / 2
        half = len(x) // 2
        x[half:] = x[:half]
    elif kind == "constant features":
        x[:, ::3], tested[:, ::3] = 0.1, 0.1
        x[:, 1] = 1 + 1e-9 * x[:, 1]  # but for less than trees tell apart
    elif kind == "equally many":
        y = np.array([f"emotion{k % 4}" for k in range(len(x))])
    return Fold(x, y, tested)
