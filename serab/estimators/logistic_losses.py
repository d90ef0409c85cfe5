"""Losses of logistic regressions fitted at once: one product with the embeddings serves all.

The solvers of the points run in threads of their own and wait for each other's questions, so any
solver that asks for loss and gradient can be used as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

import numpy as np

Answer = tuple[float, np.ndarray]
Ask = Callable[[np.ndarray], Answer]
Solution = TypeVar("Solution")


class Losses:
    """scikit-learn's mean losses of the points, and their gradients, by one pass over `x` (n, r).

    Args:
        columns: `x` again, (r, n) in memory: few points' products with it are a third faster.
        weights: (points, n) of the utterances.
        C: (points,).
    """

    def __init__(
        self,
        x: np.ndarray,
        columns: np.ndarray,
        targets: np.ndarray,
        classes: int,
        weights: np.ndarray,
        C: np.ndarray,
    ):
        self.x, self.columns, self.targets, self.classes = x, columns, targets, classes
        self.sums = weights.sum(axis=1)
        self.weights = weights / self.sums[:, None]
        self.l2 = 1 / (C * self.sums)

    def __call__(self, points: np.ndarray, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Losses (p,) and gradients (p, K * (r + 1)) of some points at parameters of that shape."""
        count, n, rows = len(points), len(self.x), np.arange(len(self.x))
        parameters = parameters.reshape(count, self.classes, -1)
        slopes = np.ascontiguousarray(parameters[:, :, :-1])
        scores = (slopes.reshape(count * self.classes, -1) @ self.columns).reshape(count, -1, n)
        scores += parameters[:, :, -1:]
        chosen = scores[:, self.targets, rows]  # (p, n)
        highest = scores.max(axis=1)
        scores -= highest[:, None]
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1)
        weights, l2 = self.weights[points], self.l2[points]
        losses = (weights * (np.log(sums) + highest - chosen)).sum(axis=1)
        losses += 0.5 * l2 * (slopes**2).sum(axis=(1, 2))
        scores *= (weights / sums)[:, None]
        scores[:, self.targets, rows] -= weights
        gradients = np.empty_like(parameters)
        by_slope = scores.reshape(count * self.classes, n) @ self.x
        gradients[:, :, :-1] = by_slope.reshape(slopes.shape) + l2[:, None, None] * slopes
        gradients[:, :, -1] = scores.sum(axis=2)
        return losses, gradients.reshape(count, -1)


def together(losses: Losses, solve: Callable[[int, Ask], Solution]) -> list[Solution]:
    """Run `solve` for all points, each in a thread, and answer what they ask in one go.

    The answers of a round depend on all points that are still at work, but for rounding: each
    point's values are rows of one product.
    """
    count = len(losses.l2)
    if count == 1:
        return [solve(0, lambda x: tuple(value[0] for value in losses(np.array([0]), x[None])))]
    asked: SimpleQueue = SimpleQueue()
    answers: list[SimpleQueue] = [SimpleQueue() for _ in range(count)]
    done: dict[int, Solution] = {}
    failed: list[BaseException] = []

    def work(k: int) -> None:
        def ask(parameters: np.ndarray) -> Answer:
            asked.put((k, parameters.copy()))
            answer = answers[k].get()
            if isinstance(answer, BaseException):
                raise answer
            return answer

        try:
            done[k] = solve(k, ask)
        except BaseException as error:  # raised again by the caller
            failed.append(error)
        asked.put((k, None))

    threads = [Thread(target=work, args=(k,), daemon=True) for k in range(count)]
    for thread in threads:
        thread.start()
    at_work, waiting = count, {}
    while at_work:
        k, parameters = asked.get()
        if parameters is None:
            at_work -= 1
        else:
            waiting[k] = parameters
        if at_work and len(waiting) == at_work:
            points = np.array(sorted(waiting))
            found: Iterable[Answer | BaseException]
            try:
                found = zip(*losses(points, np.stack([waiting[k] for k in points])), strict=True)
            except BaseException as error:  # the threads end with it
                found = [error] * len(points)
            waiting = {}
            for k, answer in zip(points, found, strict=True):
                answers[k].put(answer)
    if failed:
        raise failed[0]
    return [done[k] for k in range(count)]
