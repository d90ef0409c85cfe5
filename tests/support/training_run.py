"""A small run of train.py."""

from __future__ import annotations

import os

SMALL = [
    "data=folder",
    "data.batch_size=4",
    "data.num_workers=2",
    "data.landmarks=false",
    "trainer.max_epochs=3",
    "trainer.log_every_n_steps=1",
    "module.norm_epochs=1",
    "module.hidden_dim=32",
    "module.projector_dim=16",
    "augment.mixup.memory_size=10",
    "checkpoint.every_seconds=0",
    "logger=csv",
]


# on its own: not the W&B service that a test before may have left in this process
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "WANDB_SERVICE"} | {
    "OMP_NUM_THREADS": "1"
}
