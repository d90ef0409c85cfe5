"""A classification tree equal to scikit-learn's to the bit, grown from ranks instead of values.

Every feature is ranked once for all trees of all forests. A node reads one small number for each of
its utterances and feature, sorts these by their digits, and needs no value until it is split.
Counts are whole numbers, so running sums of their squares are exact, and the same expressions are
then rounded the same way. The random numbers are drawn in scikit-learn's order (tree/_splitter and
tree/_tree of version 1.9: best splits, Gini impurity, depth first).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from serab.estimators.tree_kernels import (
    SAME,
    Cut,
    best_cut,
    compiled,
    next_random,
    partition,
    predict_leaves,
    sort_keys,
)

EPSILON = np.finfo(np.float64).eps


class Ranked(NamedTuple):
    """Features (D, n): ascending `values` float32, and for each utterance a `codes` entry.

    A code is twice the rank, plus one where the value is the same as that of the rank before:
    only then can two of a node's values be the same, and have to be looked at.
    """

    values: np.ndarray
    codes: np.ndarray


def ranked(x: np.ndarray) -> Ranked:
    """Rank the features of (n, D) embeddings, as float32."""
    columns = np.ascontiguousarray(x.T, dtype=np.float32)
    small = np.uint16 if len(x) < 2**15 else np.uint32
    values, codes = np.empty_like(columns), np.empty(columns.shape, dtype=small)
    for column, ascending, column_codes in zip(columns, values, codes, strict=True):
        utterances = np.argsort(column, kind="stable")
        ascending[:] = column[utterances]
        same = np.r_[False, ascending[1:] <= ascending[:-1] + SAME]
        column_codes[utterances] = 2 * np.arange(len(x)) + same
    return Ranked(values, codes)


@dataclass(frozen=True)
class GrownTree:
    """A tree's answers, and what its limits let it do.

    `probabilities` (m, K) of the tested utterances; depth of the deepest and size of the smallest
    node for which a split was looked for: limits beyond these would have given the same tree.
    """

    probabilities: np.ndarray
    deepest_tried: int
    smallest_tried: int


def grow_tree(
    features: Ranked,
    targets: np.ndarray,
    counts: np.ndarray,
    tested: np.ndarray,
    classes: int,
    seed: int,
    max_depth: int,
    min_samples_split: int,
    max_features: int,
) -> GrownTree:
    """Grow `DecisionTreeClassifier(random_state=seed, ...)`, and ask it.

    Args:
        features: ranked once for all trees.
        targets: (n,) class numbers from 0.
        counts: (n,) how often each utterance was drawn, whole numbers.
        tested: (m, D) float32.
        classes: K.
        seed: of the tree.
        max_depth, min_samples_split, max_features: as scikit-learn's, as numbers.
    """
    state = np.random.RandomState(seed).randint(0, np.iinfo(np.int32).max)
    probabilities = np.empty((len(tested), classes))
    deepest, smallest = _grow(
        *features,
        targets.astype(np.int64),
        counts.astype(np.int64),
        tested,
        np.uint32(state),
        max_depth,
        min_samples_split,
        max_features,
        probabilities,
    )
    return GrownTree(probabilities, deepest, smallest)


@compiled
def _grow(
    values: np.ndarray,
    codes: np.ndarray,
    targets: np.ndarray,
    counts: np.ndarray,
    tested: np.ndarray,
    state: np.uint32,
    max_depth: int,
    min_split: int,
    tries: int,
    answers: np.ndarray,
) -> tuple[int, int]:
    dimensions, n = values.shape
    classes = answers.shape[1]
    members = np.flatnonzero(counts)
    size = len(members)
    total_weight = counts.sum()
    # the tree
    split_feature = np.full(2 * size, -1, dtype=np.int64)
    threshold = np.empty(2 * size)
    left_child, right_child = np.empty(2 * size, np.int64), np.empty(2 * size, np.int64)
    shares = np.empty((2 * size, classes))
    # nodes to do: start, end, depth, parent, is left, constant features; impurity
    stack, impurities = np.empty((size + 1, 6), np.int64), np.empty(size + 1)
    stack[0] = (0, size, 0, -1, 0, 0)
    pending, nodes, deepest, smallest = 1, 0, -1, np.iinfo(np.int64).max
    # scratch
    order, constants = np.arange(dimensions), np.empty(dimensions, np.int64)
    half = 1
    while (1 << (2 * half)) < 2 * n:
        half += 1
    buckets = np.empty((1 << half) + 1, np.int64)
    keys, spare = np.empty(size, np.int64), np.empty(size, np.int64)
    labels, times = np.empty(size, np.int64), np.empty(size, np.int64)
    node_counts = np.empty(classes, np.int64)
    left, right = np.empty(classes, np.int64), np.empty(classes, np.int64)

    while pending:
        pending -= 1
        start, end, depth, parent, is_left, n_known = stack[pending]
        count = end - start
        node_counts[:] = 0
        for k in range(count):
            labels[k], times[k] = targets[members[start + k]], counts[members[start + k]]
            node_counts[labels[k]] += times[k]
        weight = node_counts.sum()
        squares = (node_counts * node_counts).sum()
        if parent < 0:
            impurity = 1.0 - squares / (float(weight) * float(weight))
        else:
            impurity = impurities[pending]

        feature, cut, boundary, split = -1, 0.0, end, Cut(-np.inf, 0, 0, 0, 0.0, 0.0, 0.0)
        n_constant = n_known
        if depth < max_depth and count >= max(min_split, 2) and impurity > EPSILON:
            deepest, smallest = max(deepest, depth), min(smallest, count)
            best = -np.inf
            undrawn, visited, found, drawn = dimensions, 0, 0, 0
            while undrawn > n_constant and (visited < tries or visited <= found + drawn):
                visited += 1
                state = next_random(state)
                at = drawn + (np.int64(state) & 0x7FFFFFFF) % (undrawn - found - drawn)
                if at < n_known:  # known from above to be constant: it only costs a draw
                    order[drawn], order[at] = order[at], order[drawn]
                    drawn += 1
                    continue
                at += found
                f = order[at]
                column = codes[f]
                for k in range(count):
                    keys[k] = (np.int64(column[members[start + k]]) << 32) | k
                sort_keys(keys, spare, buckets, count, half)
                low, high = keys[0] >> 33, keys[count - 1] >> 33
                if (keys[count - 1] >> 32) & 1 and values[f, high] <= values[f, low] + SAME:
                    order[at], order[n_constant] = order[n_constant], order[at]
                    found += 1
                    n_constant += 1
                    continue
                undrawn -= 1
                order[undrawn], order[at] = order[at], order[undrawn]

                found_split = best_cut(
                    keys,
                    values[f],
                    labels,
                    times,
                    node_counts,
                    weight,
                    squares,
                    best,
                    left,
                    right,
                    count,
                )
                if found_split.gain > best:
                    best, feature, split = found_split.gain, f, found_split
            # constant features keep their places for the nodes below and beside
            order[:n_known] = constants[:n_known]
            constants[n_known : n_known + found] = order[n_known : n_known + found]

            if feature >= 0:
                cut = (
                    float(values[feature, split.below]) / 2.0
                    + float(values[feature, split.above]) / 2.0
                )
                partition(members, start, end, codes[feature], split.below)
                boundary = start + split.first_right
                share = float(weight)
                improvement = (share / float(total_weight)) * (
                    impurity
                    - ((share - split.left_weight) / share * split.right_impurity)
                    - (split.left_weight / share * split.left_impurity)
                )
                if improvement + EPSILON < 0.0:
                    feature = -1

        split_feature[nodes], threshold[nodes] = feature, cut
        for k in range(classes):
            shares[nodes, k] = node_counts[k] / float(weight)
        if parent >= 0:
            if is_left:
                left_child[parent] = nodes
            else:
                right_child[parent] = nodes
        if feature >= 0:
            stack[pending] = (boundary, end, depth + 1, nodes, 0, n_constant)
            impurities[pending] = split.right_impurity
            stack[pending + 1] = (start, boundary, depth + 1, nodes, 1, n_constant)
            impurities[pending + 1] = split.left_impurity
            pending += 2
        nodes += 1

    predict_leaves(tested, split_feature, threshold, left_child, right_child, shares, answers)
    return deepest, smallest
