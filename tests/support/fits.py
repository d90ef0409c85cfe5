"""Real fits of the training module in a second."""

from __future__ import annotations

from pathlib import Path

import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, Dataset

from models.audio_ntt import AudioNTT
from models.augmentations import Mixup, RandomResizeCrop, TwoViews
from models.frontend import LogMel
from models.pretraining import BYOLPretraining
from models.training.resume import AtomicCheckpointIO, LastCheckpoint


class Waveforms(Dataset):
    def __init__(self, size: int = 12, constant: bool = False):
        generator = torch.Generator().manual_seed(0)
        self.waveforms = 0.1 * torch.randn(size, 15_200, generator=generator)
        if constant:
            self.waveforms[:] = self.waveforms[0]

    def __len__(self):
        return len(self.waveforms)

    def __getitem__(self, index):
        return {"waveform": self.waveforms[index], "unreadable": 0}


def module(views: TwoViews | None = None, lr: float = 1e-3, **arguments) -> BYOLPretraining:
    torch.manual_seed(0)
    return BYOLPretraining(
        encoder=AudioNTT(32, channels=4, dropout=0.0),
        frontend=LogMel(),
        views=views or TwoViews(Mixup(memory_size=16), RandomResizeCrop()),
        optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=lr),
        projector_dim=8,
        hidden_dim=16,
        **arguments,
    )


def fit(
    model: BYOLPretraining,
    data: Dataset,
    folder: Path,
    resume_from: Path | None = None,
    **arguments,
) -> Trainer:
    trainer = Trainer(
        default_root_dir=folder, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, log_every_n_steps=1, plugins=[AtomicCheckpointIO()],
        **{"callbacks": [LastCheckpoint(folder, 0.0)], "max_epochs": 2, **arguments},
    )  # fmt: skip
    trainer.fit(model, DataLoader(data, batch_size=4), ckpt_path=resume_from, weights_only=True)
    return trainer
