"""What `--help` shows: the script's own groups, and each key with what the YAML files say of it."""

from __future__ import annotations

import re
import textwrap
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

import yaml
from hydra._internal.hydra import Hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from serab.installed import as_started

LINE = re.compile(
    r"(?P<indent> *)(?P<item>- )?(?P<key>[\w/]+):(?:(?P<value>.*?)\s#\s+(?P<comment>.*)|.*)"
)
PACKAGE = re.compile(r"^# @package (\S+)\n")
WIDTH = 100


_hydras_help = Hydra.get_help


def explain_keys() -> None:
    """Let Hydra's `--help` be this one: its own lists both scripts' groups, and no comments."""
    Hydra.get_help = _help  # type: ignore[assignment]  # Hydra has no option for it


def _help(
    hydra: Hydra, help_cfg: DictConfig, cfg: DictConfig, parser: ArgumentParser, resolve: bool
) -> str:
    if not HydraConfig.initialized():  # --hydra-help
        return _hydras_help(hydra, help_cfg, cfg, parser, resolve)
    folders = _folders()
    script = str(HydraConfig.get().job.config_name)
    groups = _comments(_file(folders, script))[1]
    choices = {group: HydraConfig.get().runtime.choices.get(group) for group in groups}
    config = OmegaConf.to_yaml(cfg, resolve=resolve)
    text = Template(help_cfg.template).substitute(
        APP_CONFIG_GROUPS="\n".join(_groups(hydra, groups, choices)),
        CONFIG="\n".join(_commented(config, _keys(folders, script, choices))),
    )
    return as_started(text)


def _folders() -> list[Path]:
    """Where the config files are: the project's, and those of `--config-dir`."""
    sources = HydraConfig.get().runtime.config_sources
    return [Path(source.path) for source in sources if source.schema == "file"]


def _file(folders: Sequence[Path], name: str) -> Path | None:
    found = [path for folder in folders if (path := folder / f"{name}.yaml").is_file()]
    return found[0] if found else None


def _groups(hydra: Hydra, groups: dict[str, str], choices: dict[str, str | None]) -> Iterator[str]:
    """Each group with its options, and a line with what it is and which option is chosen."""
    for group, comment in groups.items():
        options = ", ".join(hydra.config_loader.get_group_options(group))
        yield from textwrap.wrap(f"{group}: {options}", WIDTH, subsequent_indent="    ")
        yield f"    {comment}; {choices[group] or 'none'} as it stands here"


def _keys(folders: Sequence[Path], script: str, choices: dict[str, str | None]) -> dict[str, str]:
    """What the files say of each key of the config."""
    found = _comments(_file(folders, script))[0]
    for group, option in choices.items():
        if option is not None:
            found |= _of_option(folders, group, str(option), group)
    return found


def _of_option(folders: Sequence[Path], group: str, option: str, package: str) -> dict[str, str]:
    """What an option's file says of its keys, and those that it rests on."""
    path = _file(folders, f"{group}/{option}")
    if path is None:
        return {}
    text = path.read_text("utf-8")
    is_global = PACKAGE.match(text)
    prefix = "" if is_global else f"{package}."
    found: dict[str, str] = {}
    for base in yaml.safe_load(text).get("defaults", []):
        if isinstance(base, str) and base != "_self_":
            name, _, place = base.partition("@")
            found |= _of_option(folders, group, name, place or package)
    found |= {f"{prefix}{key}": comment for key, comment in _comments(path)[0].items()}
    header = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    if header and not is_global:
        found[package] = header[0]
    return found


def _comments(path: Path | None) -> tuple[dict[str, str], dict[str, str]]:
    """What a file says behind its keys, by their path; and of the groups in its defaults."""
    keys: dict[str, str] = {}
    groups: dict[str, str] = {}
    for line, _, key in _paths(path.read_text("utf-8") if path else ""):
        if line and line["item"] and key == "defaults":
            groups[line["key"]] = line["comment"] or ""
        elif line and line["comment"] and not line["item"]:
            keys[key] = line["comment"]
    return keys, groups


def _paths(text: str) -> Iterator[tuple[re.Match[str] | None, str, str]]:
    """Each line of a YAML text, its parts where it has a key, and the path of that key.

    The path of a list's item is the list's.
    """
    above: list[tuple[int, str]] = []
    for text_line in text.splitlines():
        line = LINE.fullmatch(text_line)
        if line and not line["item"]:
            while above and above[-1][0] >= len(line["indent"]):
                above.pop()
            above.append((len(line["indent"]), line["key"]))
        yield line, text_line, ".".join(key for _, key in above)


def _commented(config: str, comments: dict[str, str]) -> Iterator[str]:
    """The lines of a config as text, with comments behind the keys that have one."""
    for line, text, key in _paths(config):
        comment = comments.get(key) if line and not line["item"] else None
        yield f"{text}  # {comment}" if comment else text
