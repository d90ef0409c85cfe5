"""Work ahead keeps its order, bounds what waits, and ends with its consumer."""

import threading
import time

import pytest
import torch

from datamodules.prefetch import prefetch
from serab.extractors.loading import single_threaded_torch


def test_order_and_results():
    def slowly(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(prefetch(slowly, range(50), workers=4)) == [i * i for i in range(50)]
    assert list(prefetch(slowly, [], workers=2)) == []


def test_memory_does_not_grow_with_the_items():
    """However many items there are, few results are made before they are taken."""
    made, most, lock = 0, 0, threading.Lock()

    def make(item: int) -> int:
        nonlocal made
        with lock:
            made += 1
        return item

    for taken, _ in enumerate(prefetch(make, iter(range(2_000)), workers=2, max_pending=5)):
        most = max(most, made - taken)
    assert made == 2_000
    assert most <= 6


def test_an_error_comes_at_its_turn_and_cancels_the_rest():
    made = []

    def work(item: int) -> int:
        made.append(item)
        if item == 3:
            raise ValueError("item 3")
        return item

    results = prefetch(work, range(1_000), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="item 3"):
        next(results)
    assert len(made) < 20


def test_a_consumer_that_stops_leaves_no_threads():
    before = threading.active_count()
    results = prefetch(lambda item: item, range(1_000), workers=3)
    next(results)
    results.close()
    assert threading.active_count() == before


def test_threads_of_torch_are_given_back():
    before = torch.get_num_threads()
    with single_threaded_torch():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_threads_of_torch_are_given_back_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), single_threaded_torch():
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == before
