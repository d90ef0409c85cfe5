"""The config of a run that goes on: its own, checked, with what the command line says now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from datamodules.files import write_whole
from serab.launch.errors import task_overrides
from serab.launch.script import replaced

CONFIG = "config.yaml"
RECIPE = (
    "init",
    "encoder",
    "frontend",
    "augment",
    "optimizer",
    "module",
    "data",
    "trainer",
    "seed",
)
"""Config groups that a run keeps when it goes on ..."""
FREE = (
    "num_workers",
    "run_dir",
    "root",
    "manifest",
    "landmarks",
    "default_root_dir",
    "max_epochs",
    "max_steps",
    "max_time",
    "log_every_n_steps",
    "enable_progress_bar",
    "enable_model_summary",
    "profiler",
)
"""... except for these entries."""
CHOSEN = "trainer.precision"
"""What a run takes by the machine that it begins on, and keeps on another one."""
SHOWN = 5
"""Differences that an error spells out."""
RETIRED = {"module.joint_views": ("auto", False)}
"""Entries of earlier versions, with the values under which a run is what it is without them."""


def resumed_config(cfg: DictConfig, run_dir: Path, resumes: bool) -> DictConfig:
    """The config to run with, where `resume=auto` and `run_dir` may hold a run.

    It is the run's own config.yaml with the values that the command line gives. Where the command
    line chooses groups (`encoder=`, `experiment=`, ...), it is `cfg` as composed.

    Args:
        cfg: as the command line composes it.
        run_dir: of the run.
        resumes: whether a checkpoint goes on, which needs the recipe that it began with.

    Raises:
        ValueError: another recipe than the run's, with each key and both values; a config.yaml
            that isn't one, or that names code which this command line doesn't.
    """
    path = run_dir / CONFIG
    if cfg.resume != "auto" or not path.exists():
        return cfg
    saved = read_config(path)
    _check_targets(saved, path, cfg)
    given = _given()
    choices = set(HydraConfig.get().runtime.choices) - {"logger", "sweep"}
    config = cfg if choices & set(given) else _with_values(saved, cfg, given, run_dir)
    if OmegaConf.select(config, CHOSEN) == "auto" and OmegaConf.select(saved, CHOSEN) is not None:
        OmegaConf.update(config, CHOSEN, OmegaConf.select(saved, CHOSEN))
    if resumes:
        changed = [
            f"{key} is {before} in the run and {now} now"
            for group in RECIPE
            for key, before, now in _differences(saved.get(group), config.get(group), group, given)
        ]
        if changed[SHOWN:]:
            changed = [*changed[:SHOWN], f"and {len(changed) - SHOWN} more"]
        if changed:
            raise ValueError(
                f"run_dir={run_dir}: {'; '.join(changed)}: a run goes on with the recipe that it "
                "began with; leave that out, or choose another run_dir."
            )
    return config


def read_config(path: Path) -> DictConfig:
    """A config.yaml of a run, as plain values: nothing in it is looked up or executed.

    Raises:
        ValueError: not a config of this project.
    """
    try:
        loaded = OmegaConf.load(path)
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: can't be read ({reason}); choose another run_dir.") from error
    content = OmegaConf.to_container(loaded, resolve=False)
    if not isinstance(content, dict) or not isinstance(content.get("module"), dict):
        raise ValueError(f"{path}: isn't the config of a training; choose another run_dir.")
    for key, without in RETIRED.items():
        group, _, name = key.partition(".")
        if name in content[group] and content[group].pop(name) not in without:
            raise ValueError(
                f"{path}: {key} is an option that this version hasn't got; go on with the version "
                "that began the run, or choose another run_dir."
            )
    return OmegaConf.create(replaced(content, "${", "\\${"))  # a path is no interpolation


def save_config(cfg: DictConfig, run_dir: Path) -> None:
    """Write the run's config.yaml, every entry with its value."""
    write_whole(run_dir / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))


def _given() -> list[str]:
    """The keys and groups that the command line gives."""
    parsed = OverridesParser.create().parse_overrides(task_overrides())
    return [str(override.key_or_group) for override in parsed]


def _with_values(
    saved: DictConfig, cfg: DictConfig, given: Sequence[str], run_dir: Path
) -> DictConfig:
    """The saved config with the values of the command line, and groups that it didn't have yet."""
    before = saved.copy()
    if "logger" in given:  # other loggers, not more of them
        before.pop("logger")
    config = OmegaConf.merge(before, {key: cfg[key] for key in cfg if key not in before})
    assert isinstance(config, DictConfig)
    _move(config, saved.get("run_dir"), str(run_dir).replace("${", "\\${"))
    for key in given:
        if key != "logger":
            OmegaConf.update(config, key, OmegaConf.select(cfg, key), force_add=True)
    config.run_dir = cfg.run_dir
    return config


def _move(node: Any, before: str | None, now: str) -> None:
    """Let the entries that name the run directory follow it to where it is now."""
    for key in map(str, node) if isinstance(node, DictConfig) else []:
        if OmegaConf.is_interpolation(node, key) or OmegaConf.is_missing(node, key):
            continue
        if node[key] == before and before is not None:
            node[key] = now
        else:
            _move(node[key], before, now)


def _differences(
    before: Any, now: Any, key: str, given: Sequence[str]
) -> Iterator[tuple[str, Any, Any]]:
    """Key, value in the run and value now of each entry that differs and may not.

    Entries that the run's config lacks are newer than it, unless the command line gives them.
    """
    if isinstance(before, DictConfig) and isinstance(now, DictConfig):
        for name in dict.fromkeys([*before, *now]):
            path = f"{key}.{name}"
            newer = name not in before and path not in given
            if name not in FREE and path not in RETIRED and not newer:
                yield from _differences(before.get(name), now.get(name), path, given)
    elif before != now:
        # what is a copy of another group (`module.encoder`) differs there, and is told once
        copied = key.startswith("module.") and key.split(".")[1] in _COPIES
        if not copied or key in given:
            yield key, _shown(before), _shown(now)


_COPIES = ("encoder", "frontend", "views", "optimizer", "seed")


def _shown(value: Any) -> Any:
    if isinstance(value, DictConfig):
        return value.get("_target_", "{...}")
    return "null" if value is None else value


def _check_targets(saved: DictConfig, path: Path, cfg: DictConfig) -> None:
    """A config.yaml from elsewhere must not choose the code that runs here."""
    known = set(_targets(cfg)) | _composable()
    foreign = sorted(set(_targets(saved)) - known)
    if foreign:
        raise ValueError(
            f"{path}: names {', '.join(foreign)}, which no config of train.py does, so it isn't "
            "run; if you trust it, give it on the command line (GROUP._target_=..., or "
            "--config-dir with a config that has it)."
        )


def _targets(node: Any) -> Iterator[str]:
    """What a tree of values would have Hydra build."""
    if isinstance(node, (DictConfig, dict)):
        for name in node:
            missing = isinstance(node, DictConfig) and OmegaConf.is_missing(node, name)
            if name == "_target_" and not missing:
                yield str(node[name])
            elif not missing:
                yield from _targets(node[name])
    elif isinstance(node, (ListConfig, list)):
        for value in node:
            yield from _targets(value)


def _composable() -> set[str]:
    """Targets of the files that train.yaml's groups can be composed of."""
    folders = [
        Path(source.path) for source in HydraConfig.get().runtime.config_sources
        if source.schema == "file"
    ]  # fmt: skip
    groups = [group for group in HydraConfig.get().runtime.choices if "/" not in group]
    files = [
        file for folder in folders for group in groups for file in folder.glob(f"{group}/*.yaml")
    ]
    return {name for file in files for name in _targets(yaml.safe_load(file.read_text("utf-8")))}
