"""Errors that a user can mend, as one sentence that names the culprit and the way out."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
from collections.abc import Iterator
from difflib import get_close_matches

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

SWEEP_PLUGINS = {
    "submitit": "hydra-submitit-launcher==1.2.0",
    "optuna": "hydra-optuna-sweeper==1.3.0 'sqlalchemy<2'",
}
"""What sweep=slurm, local and optuna need, by the start of Hydra's name for it."""
SHARED_MEMORY = re.compile(r"shared memory|/dev/shm|\bshm\b|Bus error", re.IGNORECASE)
WORKER_GONE = re.compile(r"DataLoader worker.*(exited unexpectedly|killed by signal)", re.DOTALL)


def full_errors() -> bool:
    """Whether the user asks for tracebacks, as Hydra has it."""
    return os.environ.get("HYDRA_FULL_ERROR") == "1"


def explain(error: BaseException) -> str | None:
    """The one sentence of an error that a user can mend; None for others."""
    tracker = sys.modules.get("wandb")
    if tracker is not None and isinstance(error, tracker.errors.Error):
        return f"W&B: {str(error).rstrip('.')}; set logger.wandb.mode=offline, or logger=csv."
    if isinstance(error, OverrideParseException):
        return _unreadable_override(error.override)
    if isinstance(error, ConfigCompositionException):
        return _composition(error)
    if isinstance(error, InstantiationException):
        return _instantiation(error)
    if isinstance(error, HydraException):
        return _one_line(str(error))
    if isinstance(error, RuntimeError):
        return _workers(error)
    if isinstance(error, OSError) and error.strerror:
        return _system_error(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} has no value; give {error.full_key}=..."
    if isinstance(error, InterpolationResolutionError):
        return _interpolation(error)
    if isinstance(error, OmegaConfBaseException):
        return _one_line(str(error))
    return str(error) if isinstance(error, (ValueError, OSError)) else None


def task_overrides() -> list[str]:
    """The command line's overrides as they stand there."""
    if not HydraConfig.initialized():
        return sys.argv[1:]
    return as_given(HydraConfig.get().overrides.task)


def as_given(overrides: list[str]) -> list[str]:
    """Hydra's list of overrides as texts, in which `${...}` stays what it is."""
    texts = OmegaConf.to_container(overrides, resolve=False)
    assert isinstance(texts, list)
    return [str(text) for text in texts]


def quoted(key: str, value: str) -> str:
    """An override as a shell takes it whose value Hydra leaves as it is."""
    text = value.replace('"', '\\"').replace("${", "\\${")
    return shlex.quote(f'{key}="{text}"')


def _unreadable_override(override: str) -> str:
    key, equals, value = override.partition("=")
    if not equals:
        return f"{override}: expected KEY=VALUE."
    if not re.fullmatch(r"[+~]{0,2}[\w./@:-]+", key) or value.startswith(("[", "{")):
        return f"{override}: Hydra can't read it; expected KEY=VALUE, such as {key or 'KEY'}=[A,B]."
    value = value.strip("'\"")
    return f"{override}: Hydra can't read such a value bare; quote it twice: {quoted(key, value)}."


def _options(group: str) -> list[str]:
    """Of a group of the configuration that is being composed."""
    hydra = GlobalHydra.instance()
    return hydra.config_loader().get_group_options(group) if hydra.is_initialized() else []


def _composition(error: ConfigCompositionException) -> str:
    text = str(error)
    if isinstance(error, MissingConfigException) and error.options:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        for plugin, packages in SWEEP_PLUGINS.items():
            if group.startswith("hydra/") and name.startswith(plugin):
                return f"{group}={name} isn't installed: pip install {packages}."
        options = list(error.options)
        siblings = _options(group)
        if siblings and siblings != options:  # of a folder within the group, such as hub/NAME
            group, _, folder = group.rpartition("/")
            name, options = f"{folder}/{name}", [f"{folder}/{option}" for option in siblings]
        return f"{group}={name}: expected one of {', '.join(options)}."
    if ambiguous := re.match(r"Ambiguous value for argument '([^=]*)=(.*)'\n", text):
        key, value = ambiguous.groups()
        return (
            f"{key}={value}: a comma makes several values; quote it twice if it is one, "
            f"{quoted(key, value)}, add brackets for a list, {key}=[{value}], or -m for a sweep."
        )
    if unknown := re.match(r"Could not override '([^']*)'", text):
        return _unknown_key(unknown[1])
    cause = f" ({_one_line(str(error.__cause__))})" if error.__cause__ else ""
    return f"{_one_line(text).rstrip('.')}{cause}."


def _unknown_key(key: str) -> str:
    close = get_close_matches(key, _known_keys(), n=2, cutoff=0.75)
    means = f"; did you mean {' or '.join(close)}?" if close else "; --help lists them."
    return f"{key}: no such key{means}"


def _known_keys() -> list[str]:
    """Keys and groups of the script's config, as it stands without a command line."""
    if not GlobalHydra.instance().is_initialized():
        return []
    loader = GlobalHydra.instance().config_loader()
    groups = loader.list_groups("")
    name = "train" if "train" in os.path.basename(sys.argv[0]) else "evaluate"
    try:
        return [*groups, *_keys(compose(name))]
    except HydraException:
        return groups


def _keys(node: DictConfig, prefix: str = "") -> Iterator[str]:
    for name in map(str, node):
        yield f"{prefix}{name}"
        if OmegaConf.is_missing(node, name) or OmegaConf.is_interpolation(node, name):
            continue
        if isinstance(node[name], DictConfig):
            yield from _keys(node[name], f"{prefix}{name}.")


def _instantiation(error: InstantiationException) -> str:
    """What the constructor says; else what Hydra does, with the key that names the target."""
    cause = error.__cause__
    key = re.search(r"full_key: (\S+)", str(error))
    prefix = f"{key[1]}: " if key else ""
    if cause is None or isinstance(cause, HydraException):
        return f"{prefix}{_one_line(str(cause or error))}"
    if isinstance(cause, ImportError) or "Error locating target" in str(error):
        target = re.search(r"target '([^']*)'", str(error))
        raised = re.search(r"\w+Error\(['\"](.*)['\"]\)", str(cause))
        reason = raised[1] if raised else _one_line(str(cause))
        return (
            f"{prefix}_target_={target[1] if target else '?'} can't be imported ({reason}); give "
            "package.module.Name, with the package on PYTHONPATH."
        )
    sentence = explain(cause)
    return sentence if sentence is not None else f"{prefix}{_one_line(str(cause))}"


def _workers(error: RuntimeError) -> str | None:
    """Processes that load data and end where memory, shared or not, runs out."""
    text = str(error)
    if SHARED_MEMORY.search(text):
        return (
            "data.num_workers: the processes that load data ran out of shared memory (/dev/shm); "
            "set data.num_workers=0, or give the machine more of it (docker run --shm-size=8g)."
        )
    if WORKER_GONE.search(text):
        return (
            "data.num_workers: a process that loads data was killed, perhaps as memory ran out "
            f"({_one_line(text)}); set data.num_workers=0 or a smaller number."
        )
    return None


def _system_error(error: OSError) -> str:
    """The file first; a full disk's error needn't have it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT) and not error.filename:
        file = _file_written(error) or _run_dir()
        return f"{file}: can't be written ({error.strerror}); make room and start again."
    return f"{error.filename}: {error.strerror}." if error.filename else str(error)


def _file_written(error: OSError) -> str | None:
    """The file that was open where a write failed, which the error itself doesn't name."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            name = getattr(value, "name", None)
            if hasattr(value, "write") and isinstance(name, str) and not name.startswith("<"):
                found = name
        trace = trace.tb_next
    return found


def _run_dir() -> str:
    if not HydraConfig.initialized():
        return "the run directory"
    return f"run_dir={HydraConfig.get().runtime.output_dir}"


def _interpolation(error: InterpolationResolutionError) -> str:
    """`${x}` in a value of the command line, where a path was meant perhaps."""
    given = [text for text in task_overrides() if re.search(r"=.*(?<!\\)\$\{", text)]
    if not given:
        return _one_line(str(error))
    key, _, value = given[0].partition("=")
    value = value.strip("'\"")
    return (
        f"{given[0]}: {_one_line(str(error)).split(' full_key')[0]}; ${{...}} is Hydra's way to "
        f"name another entry, a path that has it is quoted so: {quoted(key, value)}."
    )


def _one_line(text: str) -> str:
    """Hydra's messages are of several lines, the later ones for its developers."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("full_key", "object_type"))]
    return " ".join(kept).replace(", set env var HYDRA_FULL_ERROR=1 to see chained exception.", "")
