"""torch.compile for the parts of a step, with a way back where no compiler works."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

log = logging.getLogger(__name__)

MODES = ("default", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
"""torch.compile's; "reduce-overhead" and "max-autotune" record CUDA graphs."""


class CompilerError(ValueError):
    """Compilation was asked for and doesn't work here; the message says how to go on."""


class Compiled:
    """A function that runs compiled, or as it is from the first failure of the compiler on.

    Random numbers are drawn as without compilation, so a seed gives the same views either way.

    Args:
        function: of tensors of one shape.
        mode: one of `MODES`.
        required: raise where the compiler fails, instead of going on without.
    """

    def __init__(self, function: Callable[..., Any], mode: str = "default", required: bool = False):
        self.function, self.required = function, required
        options = {**torch._inductor.list_mode_options(mode), "fallback_random": True}
        self.compiled: Callable | None = torch.compile(function, dynamic=False, options=options)

    def __call__(self, *inputs: Any) -> Any:
        if self.compiled is None:
            return self.function(*inputs)
        try:
            return self.compiled(*inputs)
        except Exception as error:
            # the compiler's own errors have half a dozen bases, and come before anything ran
            if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise
            reason = str(error).strip().splitlines()[0]
            if self.required:
                raise CompilerError(
                    f"module.compile: torch.compile fails on this machine ({reason}); install a "
                    "C++ compiler (and Triton for a GPU) or set module.compile=false."
                ) from error
            log.warning("going on without torch.compile, which fails here: %s", reason)
            self.compiled = None
            return self.function(*inputs)


def compile_parts(
    choice: bool | str, device: torch.device, *parts: nn.Module
) -> tuple[Callable[..., Any], ...]:
    """The parts as `choice` wants them on `device`.

    Args:
        choice: True, False, one of `MODES`, or "auto": compiled on a GPU, if that works.
        device: where they will run.
        parts: modules.

    Raises:
        ValueError: another choice.
    """
    if choice not in (True, False, "auto", *MODES):
        raise ValueError(
            f"module.compile={choice}: expected true, false, auto or one of {', '.join(MODES)}."
        )
    if choice is False or (choice == "auto" and device.type != "cuda"):
        return parts
    mode = choice if choice in MODES else "default"
    return tuple(Compiled(part, mode, required=choice != "auto") for part in parts)
