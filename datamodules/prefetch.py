"""Work done ahead by threads, handed out in order, with little of it pending."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prefetch(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    max_pending: int | None = None,
) -> Generator[Result, None, None]:
    """`map(function, items)`, computed by `workers` threads (default: one a processor).

    At most `max_pending` results (default: three a worker) are begun and not yet taken, so memory
    stays the same however many items come. An exception is raised at its item's turn; what comes
    behind it, or behind a consumer that stops, is cancelled.
    """
    workers = workers or processors()
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= (max_pending or 3 * workers):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_background(batches: Iterator, ahead: int) -> Generator:
    """The same batches made by a thread, at most `ahead` of them pending; its errors come here."""
    pending: queue.Queue = queue.Queue(ahead)
    stopped = threading.Event()

    def offer(item: object) -> None:
        while not stopped.is_set():
            try:
                return pending.put(item, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for batch in batches:
                offer((batch, None))
                if stopped.is_set():
                    return
            offer(None)
        except BaseException as error:
            offer((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := pending.get()) is not None:
            batch, error = item
            if error is not None:
                raise error
            yield batch
    finally:
        stopped.set()
        thread.join()
