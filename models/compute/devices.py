"""What a machine has: devices that a run asks for, and the precision that is fastest on it."""

from __future__ import annotations

import logging

import torch

log = logging.getLogger("train")

AUTO, FULL, MIXED = "auto", "32-true", "bf16-mixed"
BF16 = ("avx512_bf16", "amx_bf16")
"""Instructions of a processor that compute in bfloat16; elsewhere it is emulated, slower."""


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


def choose_precision(precision: str | int | None, accelerator: str) -> str | int | None:
    """`trainer.precision`; "auto" is bf16-mixed if the device computes in it, else 32-true.

    Warns of bf16 that the device emulates, such as that of a run which began on another one.
    """
    computes = computes_in_bf16(accelerator)
    if precision == AUTO:
        return MIXED if computes else FULL
    if precision == MIXED and not computes:
        log.warning(
            "trainer.precision=%s: this machine has no bf16 instructions, so a step takes longer "
            "than in %s; a run keeps the precision that it began with",
            MIXED,
            FULL,
        )
    return precision


def computes_in_bf16(accelerator: str) -> bool:
    """Whether what `trainer.accelerator` names has instructions for bfloat16."""
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    instructions = torch.cpu.get_capabilities()
    return any(instructions.get(name, False) for name in BF16)
