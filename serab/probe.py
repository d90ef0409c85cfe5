"""A look at the encoder while it trains: a logistic regression on validation speakers."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from pytorch_lightning import Callback, LightningModule, Trainer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.extractors.encoder import LiveExtractor
from serab.index import CorpusIndex
from serab.protocol import STRICT
from serab.scores import accuracy, uar
from serab.splits import Split, split
from serab.tasks import choose_tasks


class Probe(Callback):
    """Every so many epochs, how well the online encoder tells the emotions of some corpora.

    A logistic regression (C = 1, standardised embeddings) is fitted on the training speakers of the
    strict split and scored on its validation speakers; test speakers are never read. Logs
    `probe_TASK` (accuracy), `probe_TASK_uar` and `probe_seconds`. Training is the same with and
    without it, to the bit.

    Args:
        tasks: codes of prepared corpora.
        every_epochs: between two looks; the last epoch always has one.

    Raises:
        ValueError: no such task, or one without classes; epochs below 1.
        serab.index.CorpusIndexError: a corpus that isn't prepared.
    """

    def __init__(self, tasks: Sequence[str], every_epochs: int = 10):
        if not isinstance(every_epochs, int) or every_epochs < 1:
            raise ValueError(f"probe.every_epochs={every_epochs}: expected a number from 1 on.")
        chosen = choose_tasks(list(tasks))
        if chosen.regression:
            raise ValueError(f"probe.tasks={list(tasks)}: expected corpora with emotion classes.")
        self.every_epochs = every_epochs
        self.tasks = [(index, split(index, STRICT, 0)) for index in chosen.classification]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = pl_module.current_epoch + 1
        due = epoch % self.every_epochs == 0 or epoch == trainer.max_epochs
        if not due or not trainer.is_global_zero:
            return
        started = time.perf_counter()
        encoder = pl_module.get_submodule("byol.encoder")
        frontend = pl_module.get_submodule("frontend")
        for index, parts in self.tasks:
            scores = probe(encoder, frontend, index, parts)
            for name, score in scores.items():
                pl_module.log(f"probe_{index.code}{name}", score, rank_zero_only=True)
        pl_module.log("probe_seconds", time.perf_counter() - started, rank_zero_only=True)


def probe(
    encoder: nn.Module, frontend: nn.Module, index: CorpusIndex, parts: Split
) -> dict[str, float]:
    """Accuracy and UAR on the validation speakers, of a classifier fitted on the training ones."""
    extractor = LiveExtractor(encoder, frontend)
    positions = np.concatenate([parts.train, parts.validation])
    embeddings = embed_corpus(extractor, index, parts.train, positions, Cache(None))  # used once
    targets = np.array([index.utterances[i].emotion for i in positions])
    fitted = len(parts.train)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(embeddings[:fitted], targets[:fitted])
    predicted = model.predict(embeddings[fitted:])
    true = targets[fitted:]
    return {"": accuracy(true, predicted), "_uar": uar(true, predicted)}
