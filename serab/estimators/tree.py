"""A classification tree equal to scikit-learn's to the bit, grown from ranks instead of values.

Every feature is ranked once for all trees of all forests. A node reads one small number for each of
its utterances and feature, sorts these by their digits, and needs no value until it is split.
Counts are whole numbers, so running sums of their squares are exact, and the same expressions are
then rounded the same way. The random numbers are drawn in scikit-learn's order (tree/_splitter and
tree/_tree of version 1.9: best splits, Gini impurity, depth first).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numba.core.dispatcher import Dispatcher

EPSILON = np.finfo(np.float64).eps
SAME = np.float32(1e-7)
"""Values no further apart than this can't be split."""
_FEW = 24  # utterances that are sorted by insertion


Function = TypeVar("Function", bound=Callable)


def _compiled(function: Function) -> Dispatcher[Function]:
    """Machine code that leaves the interpreter's lock, kept on disk where that can be written."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder to keep it in
        return njit(nogil=True)(function)


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


@_compiled
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
                state = _next_random(state)
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
                _sort(keys, spare, buckets, count, half)
                low, high = keys[0] >> 33, keys[count - 1] >> 33
                if (keys[count - 1] >> 32) & 1 and values[f, high] <= values[f, low] + SAME:
                    order[at], order[n_constant] = order[n_constant], order[at]
                    found += 1
                    n_constant += 1
                    continue
                undrawn -= 1
                order[undrawn], order[at] = order[at], order[undrawn]

                found_split = _best_cut(
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
                _partition(members, start, end, codes[feature], split.below)
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

    _predict(tested, split_feature, threshold, left_child, right_child, shares, answers)
    return deepest, smallest


class Cut(NamedTuple):
    """Of one feature: the gain, which of the sorted members is the first on the right, the codes
    beside the threshold, and both sides' impurity; the left one's weight."""

    gain: float
    first_right: int
    below: int
    above: int
    left_impurity: float
    right_impurity: float
    left_weight: float


@_compiled
def _next_random(state: np.uint32) -> np.uint32:
    """scikit-learn's generator: xorshift of 32 bits."""
    state ^= np.uint32(state << np.uint32(13))
    state ^= np.uint32(state >> np.uint32(17))
    state ^= np.uint32(state << np.uint32(5))
    return state


@_compiled
def _best_cut(
    keys: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    times: np.ndarray,
    node_counts: np.ndarray,
    weight: int,
    squares: int,
    best: float,
    left: np.ndarray,
    right: np.ndarray,
    count: int,
) -> Cut:
    """The cut of a node by one feature that gains over `best`; `keys` has its sorted members."""
    found = Cut(best, 0, 0, 0, 0.0, 0.0, 0.0)
    left[:] = 0
    right[:] = node_counts
    left_squares, right_squares, left_weight = 0, squares, 0
    for k in range(1, count):
        moved, code = keys[k - 1] & 0xFFFFFFFF, keys[k] >> 32
        label, by = labels[moved], times[moved]
        left_squares += by * (2 * left[label] + by)
        right_squares -= by * (2 * right[label] - by)
        left[label] += by
        right[label] -= by
        left_weight += by
        if code & 1 and (values[code >> 1] <= values[keys[k - 1] >> 33] + SAME):
            continue
        on_left, on_right = float(left_weight), float(weight - left_weight)
        left_impurity = 1.0 - left_squares / (on_left * on_left)
        right_impurity = 1.0 - right_squares / (on_right * on_right)
        gain = -on_right * right_impurity - on_left * left_impurity
        if gain > found.gain:
            below, above = keys[k - 1] >> 33, code >> 1
            found = Cut(gain, k, below, above, left_impurity, right_impurity, on_left)
    return found


@_compiled
def _partition(members: np.ndarray, start: int, end: int, codes: np.ndarray, below: int) -> None:
    """Put the members of a node that are at most `below` before the others."""
    while start < end:
        moved = members[start]
        if np.int64(codes[moved]) >> 1 <= below:
            start += 1
        else:
            end -= 1
            members[start] = members[end]
            members[end] = moved


@_compiled
def _predict(
    tested: np.ndarray,
    split_feature: np.ndarray,
    threshold: np.ndarray,
    left_child: np.ndarray,
    right_child: np.ndarray,
    shares: np.ndarray,
    answers: np.ndarray,
) -> None:
    """Each tested utterance's leaf."""
    for k in range(len(tested)):
        node = 0
        while split_feature[node] >= 0:
            if float(tested[k, split_feature[node]]) <= threshold[node]:
                node = left_child[node]
            else:
                node = right_child[node]
        answers[k] = shares[node]


@_compiled
def _sort(keys: np.ndarray, spare: np.ndarray, buckets: np.ndarray, count: int, half: int) -> None:
    """Sort keys[:count] by what is above their 32nd bit, two digits of `half` bits."""
    if count <= _FEW:
        for k in range(1, count):
            key, at = keys[k], k
            while at > 0 and keys[at - 1] > key:
                keys[at] = keys[at - 1]
                at -= 1
            keys[at] = key
        return
    mask = (1 << half) - 1
    for digit in range(2):
        source, goal = (keys, spare) if digit == 0 else (spare, keys)
        shift = 32 + digit * half
        buckets[:] = 0
        for k in range(count):
            buckets[((source[k] >> shift) & mask) + 1] += 1
        for k in range(mask):
            buckets[k + 1] += buckets[k]
        for k in range(count):
            at = (source[k] >> shift) & mask
            goal[buckets[at]] = source[k]
            buckets[at] += 1
