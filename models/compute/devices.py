"""What a run asks for and a machine hasn't got, in one sentence before anything starts."""

from __future__ import annotations

import torch


def check_devices(accelerator: str, devices: object) -> None:
    """Whether the GPUs that a run wants are here; Lightning checks other accelerators.

    Args:
        accelerator: `trainer.accelerator`.
        devices: `trainer.devices`: a number, a list, or "auto".

    Raises:
        ValueError: no GPU, or fewer.
    """
    if accelerator not in ("gpu", "cuda") or torch.backends.mps.is_available():
        return
    if not torch.cuda.is_available():
        raise ValueError(
            f"trainer.accelerator={accelerator}: torch finds no GPU on this machine; leave out "
            "trainer=gpu, or set trainer.accelerator=cpu trainer.precision=32-true."
        )
    here = torch.cuda.device_count()
    if isinstance(devices, int) and devices > here:
        raise ValueError(
            f"trainer.devices={devices}: this machine has {here}; set trainer.devices={here}, and "
            "trainer.num_nodes for several machines."
        )
