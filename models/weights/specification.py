"""From a file's description to its encoder: nothing larger than the file's tensors is built.

An architecture is laid out without memory first (torch's meta device), which ends where it has many
more parameters than the file, and its shapes are compared with the file's. So a description can't
claim a deep or wide model that takes minutes or all memory to make.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from models.encoders import ARCHITECTURES, encoder_name
from models.files import CheckpointError
from models.frontend import LogMel
from models.speech_encoder import Encoder, SpeechEncoder

REFUSALS = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError)
"""What an architecture raises at arguments that aren't its."""
SLACK = 4
"""How many times as many parameters as the file may be laid out, so that what lacks is named."""
ADVICE = "train it again or use the version that wrote it"


def build_encoder(
    file: Path, spec: Any, weights: dict[str, Any], trust: str | None = None
) -> SpeechEncoder:
    """The encoder of a file's specification with the file's weights.

    Args:
        file: for the errors.
        spec: what the file says of architecture, arguments, frontend, and perhaps norm and about.
        weights: what it holds as state dict of the encoder.
        trust: import path of a class, or of its package, that the file may name beside
            `ARCHITECTURES`.

    Raises:
        CheckpointError: a specification of wrong types, of no encoder known here, of another model
            than the weights, or weights that aren't finite.
    """
    check_types(file, spec)
    _check_weights(file, weights)
    architecture = _architecture(file, spec["architecture"], trust)
    try:
        if spec["architecture"] in ARCHITECTURES:  # foreign code may not work without memory
            with torch.device("meta"), _parameters_within(SLACK * len(weights)):
                _check_shapes(file, architecture(**spec["arguments"]), weights)
        encoder = architecture(**spec["arguments"])
        frontend = LogMel(**spec["frontend"])
    except CheckpointError:
        raise
    except _AsksTooMuchError:
        raise CheckpointError(
            f"{file}: describes a far larger {spec['architecture']} than its weights are "
            f"({_brief(spec['arguments'])}); it is damaged or of another model."
        ) from None
    except REFUSALS as error:
        raise CheckpointError(
            f"{file}: describes no encoder that this version knows ({_brief(error)}); {ADVICE}."
        ) from error
    _check_shapes(file, encoder, weights)
    if not isinstance(encoder, Encoder):
        raise CheckpointError(
            f"{file}: {spec['architecture']} lacks embed_dim, min_frames or arguments; {ADVICE}."
        )
    n_mels = encoder.arguments.get("n_mels", frontend.n_mels)
    if n_mels != frontend.n_mels:
        raise CheckpointError(
            f"{file}: its encoder takes {n_mels} mel bands, its front end gives "
            f"{frontend.n_mels}; {ADVICE}."
        )
    encoder.load_state_dict(weights)
    return SpeechEncoder(
        encoder, frontend, spec.get("norm"), encoder_name(encoder), spec.get("about")
    )


def check_types(file: Path, spec: Any) -> None:
    """Whether a specification is one, entry by entry.

    Raises:
        CheckpointError: names the first entry that isn't.
    """
    if not isinstance(spec, dict):
        raise CheckpointError(
            f"{file}: describes its encoder by a {type(spec).__name__}, expected a mapping; "
            f"{ADVICE}."
        )
    if not isinstance(spec.get("architecture"), str):
        raise CheckpointError(
            f"{file}: architecture={_brief(spec.get('architecture'))}; expected the name of one, "
            f"such as {next(iter(ARCHITECTURES))}; {ADVICE}."
        )
    for key in ("arguments", "frontend"):
        if not isinstance(spec.get(key), dict):
            raise CheckpointError(
                f"{file}: {key}={_brief(spec.get(key))}; expected names and values; {ADVICE}."
            )
        try:
            json.dumps(spec[key], allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise CheckpointError(
                f"{file}: {key}={_brief(spec[key])}; expected plain, finite values; {ADVICE}."
            ) from error
    if not isinstance(spec.get("about", {}), dict | None):
        raise CheckpointError(
            f"{file}: about={_brief(spec['about'])}; expected names and values; {ADVICE}."
        )
    if not _is_norm(spec.get("norm")):
        raise CheckpointError(
            f"{file}: norm={_brief(spec['norm'])}; expected null or [mean, std], finite and with "
            f"a positive std; {ADVICE}."
        )


def _is_norm(norm: Any) -> bool:
    if norm is None:
        return True
    if not (isinstance(norm, list | tuple) and len(norm) == 2):
        return False
    return all(type(n) in (int, float) and isfinite(n) for n in norm) and norm[1] > 0


def _check_weights(file: Path, weights: dict[str, Any]) -> None:
    size, limit = 0, 4 * file.stat().st_size
    for key, value in weights.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f"{file}: its entry {_brief(key)} is a {type(value).__name__}, expected a tensor; "
                "it is damaged or of another model."
            )
        size += value.numel() * value.element_size()
        if size > limit:  # one stored number can be a tensor of any shape
            raise CheckpointError(
                f"{file}: its tensors are many times larger than the file; it is damaged or made "
                "to fill the memory, get it from its source."
            )
        if value.layout is not torch.strided or value.is_quantized or value.is_complex():
            raise CheckpointError(
                f"{file}: its entry {_brief(key)} isn't a plain tensor of numbers; use the weights "
                "before they were converted."
            )
        if not torch.isfinite(value).all():
            raise CheckpointError(
                f"{file}: its entry {_brief(key)} holds NaN or infinite values; the training had "
                "diverged or the file is damaged, use an earlier checkpoint or copy it again."
            )


def _architecture(file: Path, name: str, trust: str | None) -> type[nn.Module]:
    """The class that a file names: one of ours, or one that the caller trusts by import path."""
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    module_name, _, class_name = name.rpartition(".")
    if not module_name:
        raise CheckpointError(
            f"{file}: describes no encoder that this version knows ({_brief(name)}); {ADVICE}."
        )
    if trust is None or not f"{name}.".startswith(f"{trust}."):
        given = "" if trust is None else f" (not in {_brief(trust)}, which is trusted)"
        raise CheckpointError(
            f"{file}: its encoder is the class {_brief(name)}, code from outside of this "
            f"project, which is not imported unasked{given}; if you trust it, put its folder on "
            f"PYTHONPATH and give trust={_brief(name)} (load_encoder), extractor.trust= "
            "(evaluate.py) or --trust."
        )
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise CheckpointError(
            f"{file}: its encoder {name} can't be imported ({_brief(error)}); put its folder on "
            "PYTHONPATH, in the version that trained it."
        ) from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise CheckpointError(f"{file}: {name} is no torch.nn.Module; {ADVICE}.")
    return found


def _check_shapes(file: Path, encoder: nn.Module, weights: dict[str, Tensor]) -> None:
    expected = {key: tuple(value.shape) for key, value in encoder.state_dict().items()}
    have = {key: tuple(value.shape) for key, value in weights.items()}
    if expected == have:
        return
    missing, unexpected = sorted(expected.keys() - have), sorted(have.keys() - expected)
    if missing:
        detail = f"lacks {missing[0]}"
    elif unexpected:
        detail = f"{_brief(unexpected[0])} is unknown to it"
    else:
        key = next(key for key in expected if expected[key] != have[key])
        detail = f"{key} is of shape {have[key]}, expected {expected[key]}"
    raise CheckpointError(
        f"{file}: its weights don't fit {encoder_name(encoder)} ({detail}); it is damaged or of "
        "another model."
    )


class _AsksTooMuchError(Exception):
    """An architecture lays out more than the file holds."""


@contextmanager
def _parameters_within(limit: int) -> Iterator[None]:
    """Modules made in this block by this thread may have so many parameters, no more."""
    count, thread = 0, threading.get_ident()

    def count_up(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal count
        count += threading.get_ident() == thread
        if count > limit:
            raise _AsksTooMuchError

    handle = register_module_parameter_registration_hook(count_up)
    try:
        yield
    finally:
        handle.remove()


def _brief(value: object) -> str:
    """One line for an error, however long or broken what a file holds is."""
    try:
        text = str(value)
    except (RecursionError, ValueError):  # too deep, or a number of thousands of digits
        text = f"a {type(value).__name__}"
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= 120 else f"{line[:117]}..."
