"""Trees grown from ranks are scikit-learn's to the bit: answers, depth and what was tried."""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from serab.estimators.forest import _Limits
from serab.estimators.tree import grow_tree, ranked

LIMITS = [(5, 2), (25, 2), (10, 10), (1, 2), (2**40, 3)]


def embeddings(kind: str, n: int = 300, dimensions: int = 30) -> np.ndarray:
    random = np.random.default_rng(0)
    x = random.normal(size=(n, dimensions)).astype(np.float32)
    if kind == "tied":
        x = np.round(x)
    elif kind == "constant":
        x[:, ::2] = 0.3
    elif kind == "hardly apart":  # chains of values, neighbours nearer than can be split
        x = np.float32(0.1) + np.float32(4e-8) * random.integers(0, 12, x.shape).astype(np.float32)
    return x


@pytest.mark.parametrize("kind", ["continuous", "tied", "constant", "hardly apart"])
def test_equals_scikit_learn(kind: str):
    x = embeddings(kind)
    random = np.random.default_rng(1)
    targets = random.integers(0, 5, len(x))
    tested, features = embeddings(kind)[::-1] + np.float32(0.01), ranked(x)
    for seed in range(4):
        drawn = np.bincount(random.integers(0, len(x), len(x)), minlength=len(x))
        for depth, size in LIMITS:
            ours = grow_tree(features, targets, drawn, tested, 5, seed, depth, size, 5)
            plain = DecisionTreeClassifier(
                max_features=5,
                random_state=seed,
                max_depth=min(depth, 10**6),
                min_samples_split=size,
            ).fit(x, targets, drawn, check_input=False)
            assert np.array_equal(ours.probabilities, plain.predict_proba(tested))
            nodes = plain.tree_
            split = nodes.children_left >= 0
            depths = nodes.compute_node_depths() - 1
            if split.any():
                assert ours.deepest_tried >= depths[split].max()
                assert ours.smallest_tried <= nodes.n_node_samples[split].min()


def test_limits_that_change_nothing():
    """The answer to "would a tighter limit give the same tree?" is right both ways."""
    x = embeddings("continuous", 120)
    targets = (x[:, 0] + 0.3 * x[:, 1] > 0).astype(int)
    features, drawn = ranked(x), np.ones(len(x), dtype=int)
    kept = []
    for seed in range(6):
        loose = grow_tree(features, targets, drawn, x, 2, seed, 50, 2, 5)
        for depth, size in ((50, 2), (8, 2), (5, 2), (4, 2), (50, 4), (50, 10), (6, 4)):
            tight = grow_tree(features, targets, drawn, x, 2, seed, depth, size, 5)
            keeps = _Limits(depth, size).would_keep(loose, _Limits(50, 2))
            kept.append(keeps)
            if keeps:
                assert np.array_equal(tight.probabilities, loose.probabilities)
            else:
                assert tight.deepest_tried < depth
                assert tight.smallest_tried >= size
        assert not _Limits(60, 2).would_keep(loose, _Limits(50, 2))
    assert 6 < sum(kept) < len(kept)


def test_more_utterances_than_small_numbers_count():
    x = embeddings("continuous", 33_000, 3)
    targets = (x.sum(axis=1) > 0).astype(int)
    features, drawn = ranked(x), np.ones(len(x), dtype=int)
    assert features.codes.dtype == np.uint32
    ours = grow_tree(features, targets, drawn, x[:500], 2, 0, 6, 2, 2)
    plain = DecisionTreeClassifier(max_features=2, random_state=0, max_depth=6).fit(x, targets)
    assert np.array_equal(ours.probabilities, plain.predict_proba(x[:500]))
