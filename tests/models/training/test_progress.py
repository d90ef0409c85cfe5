"""A training's progress in a file is a line every so often, and a bar on a terminal."""

import logging
from collections.abc import Iterable

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import TQDMProgressBar
from torch import nn

from models.training import progress as module
from models.training.progress import ProgressLines, progress


class Fitted(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        loss = self.layer(batch).square().mean()
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def lines(caplog, batches: Iterable) -> list[str]:
    caplog.set_level(logging.INFO, "train")
    trainer = Trainer(
        max_epochs=2, logger=False, enable_checkpointing=False, enable_model_summary=False,
        accelerator="cpu", callbacks=[ProgressLines()], log_every_n_steps=1,
    )  # fmt: skip
    trainer.fit(Fitted(), batches)
    return [record.getMessage() for record in caplog.records if record.name == "train"]


def test_a_line_every_so_often(caplog, monkeypatch):
    monkeypatch.setattr(module, "LINE_EVERY", 0.0)
    found = lines(caplog, torch.ones(3, 2, 1))
    assert [line.split(", loss")[0] for line in found] == [
        "step 1, epoch 1, batch 1 of 3",
        "step 2, epoch 1, batch 2 of 3",
        "step 3, epoch 1, batch 3 of 3",
        "step 4, epoch 2, batch 1 of 3",
        "step 5, epoch 2, batch 2 of 3",
        "step 6, epoch 2, batch 3 of 3",
        "step 6, epoch 2",
    ]
    assert all(", loss " in line for line in found)


def test_a_short_fit_has_its_end_alone(caplog):
    assert len(lines(caplog, torch.ones(3, 2, 1))) == 1


@pytest.mark.parametrize(("terminal", "kind"), [(True, TQDMProgressBar), (False, ProgressLines)])
def test_by_where_output_goes(monkeypatch, terminal, kind):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert type(progress(10)) is kind
