"""The fast LDA equals scikit-learn's, whatever the shape of the data."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf as sklearn_ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from serab.estimators.lda import ShrunkLDA, ledoit_wolf


def data(n: int, dimensions: int, classes: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    targets = np.r_[np.arange(classes), generator.integers(0, classes, n - classes)]
    mixing = generator.normal(size=(dimensions, dimensions)) / np.sqrt(dimensions)
    means = generator.normal(size=(classes, dimensions))
    embeddings = generator.normal(size=(n, dimensions)) @ mixing + 0.3 * means[targets]
    return embeddings, np.array([f"emotion{k}" for k in targets])


@pytest.mark.parametrize(
    ("n", "dimensions", "classes"),
    [(100, 30, 4), (60, 200, 3), (31, 30, 7), (400, 20, 2), (50, 80, 2), (12, 5, 6)],
)
def test_equals_scikit_learn(n: int, dimensions: int, classes: int):
    embeddings, targets = data(n, dimensions, classes)
    tested, _ = data(300, dimensions, classes, seed=1)
    ours = ShrunkLDA().fit(embeddings, targets)
    plain = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(embeddings, targets)
    expected = plain.decision_function(tested)
    scale = np.abs(expected).max()
    assert np.abs(ours.decision_function(tested) - expected).max() < 1e-8 * scale
    assert np.array_equal(ours.predict(tested), plain.predict(tested))
    assert np.allclose(ours.predict_proba(tested), plain.predict_proba(tested), atol=1e-7)


@pytest.mark.filterwarnings("ignore:Only one sample")
def test_constant_features_and_a_single_utterance():
    embeddings, targets = data(40, 60, 3)
    embeddings[:, 5] = 1.25  # constant
    embeddings[targets == "emotion1", 7] = -2.0  # constant within a class
    targets[0] = "alone"
    ours = ShrunkLDA().fit(embeddings, targets)
    plain = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(embeddings, targets)
    tested, _ = data(100, 60, 3, seed=1)
    assert np.array_equal(ours.predict(tested), plain.predict(tested))


@pytest.mark.filterwarnings("ignore:Only one sample")
def test_nothing_to_shrink():
    """Classes of one or of equal utterances leave no variance at all: the least squares' answer."""
    embeddings = np.repeat(np.eye(3), 2, axis=0)
    targets = np.repeat(["a", "b", "c"], 2)
    ours = ShrunkLDA().fit(embeddings, targets)
    plain = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(embeddings, targets)
    assert np.array_equal(ours.predict(embeddings), plain.predict(embeddings))


@pytest.mark.parametrize("shape", [(50, 20), (20, 50)])
def test_ledoit_wolf(shape):
    embeddings = np.random.default_rng(0).normal(size=shape)
    centred = embeddings - embeddings.mean(axis=0)
    covariance, shrinkage = sklearn_ledoit_wolf(embeddings)
    ours, mean_variance = ledoit_wolf(centred)
    assert ours == pytest.approx(shrinkage, rel=1e-10)
    assert mean_variance == pytest.approx(np.trace(covariance) / shape[1], rel=1e-10)


def test_too_little_is_said():
    with pytest.raises(ValueError, match="LDA: 3 training utterances of 1 class"):
        ShrunkLDA().fit(np.eye(3), ["a", "a", "a"])
    with pytest.raises(ValueError, match="more utterances than classes"):
        ShrunkLDA().fit(np.eye(3), ["a", "b", "c"])
