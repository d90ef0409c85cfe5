"""Work done ahead by threads, handed out in order, with little of it waiting."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    waiting: int | None = None,
) -> Iterator[Result]:
    """`map(function, items)`, computed by `workers` threads (default: one a processor).

    At most `waiting` results (default: three a worker) are begun and not yet taken, so memory stays
    the same however many items come. An exception is raised at its item's turn; what comes behind
    it, or behind a consumer that stops, is cancelled.
    """
    workers = workers or processors()
    begun: deque = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) >= (waiting or 3 * workers):
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def single_threaded_torch() -> Iterator[None]:
    """One torch thread in each thread: many short utterances are faster side by side."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
