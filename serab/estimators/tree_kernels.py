"""The compiled parts of a tree: draw, sort a node's members, best cut, partition, predict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numba.core.dispatcher import Dispatcher

SAME = np.float32(1e-7)
"""Values no further apart than this can't be split."""
FEW = 24
"""Members of a node that are sorted by insertion."""

Function = TypeVar("Function", bound=Callable)


def compiled(function: Function) -> Dispatcher[Function]:
    """Machine code that leaves the interpreter's lock, kept on disk where that can be written."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder to keep it in
        return njit(nogil=True)(function)


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


@compiled
def next_random(state: np.uint32) -> np.uint32:
    """scikit-learn's generator: xorshift of 32 bits."""
    state ^= np.uint32(state << np.uint32(13))
    state ^= np.uint32(state >> np.uint32(17))
    state ^= np.uint32(state << np.uint32(5))
    return state


@compiled
def best_cut(
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


@compiled
def partition(members: np.ndarray, start: int, end: int, codes: np.ndarray, below: int) -> None:
    """Put the members of a node that are at most `below` before the others."""
    while start < end:
        moved = members[start]
        if np.int64(codes[moved]) >> 1 <= below:
            start += 1
        else:
            end -= 1
            members[start] = members[end]
            members[end] = moved


@compiled
def predict_leaves(
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


@compiled
def sort_keys(
    keys: np.ndarray, spare: np.ndarray, buckets: np.ndarray, count: int, half: int
) -> None:
    """Sort keys[:count] by what is above their 32nd bit, two digits of `half` bits."""
    if count <= FEW:
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
