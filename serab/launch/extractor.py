"""An extractor by the name of its option and its settings, for commands that aren't Hydra's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from serab.extractors.base import Extractor
from serab.installed import FOLDER
from serab.launch.arguments import check_arguments
from serab.launch.errors import explain, full_errors
from serab.launch.script import build, replaced

CONFIGS = FOLDER.resolve() / "conf"
_ANY_KEY = "own"
"""The option whose class is the user's, with settings that are its own."""


def parse_settings(arguments: Sequence[str]) -> dict[str, Any]:
    """KEY=VALUE arguments; values as YAML has them.

    Raises:
        ValueError: one without `=`, or a value that isn't YAML.
    """
    settings = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or not re.fullmatch(r"\+?\w+", key):
            raise ValueError(
                f"{argument}: expected KEY=VALUE behind an extractor; recordings come before "
                "--encoder and --extractor."
            )
        try:
            settings[key.removeprefix("+")] = yaml.safe_load(value) if value else None
        except yaml.YAMLError as error:
            raise ValueError(f"{argument}: its value can't be read; put it in quotes.") from error
    return settings


def compose_extractor(name: str, settings: Mapping[str, Any], ckpt: str | None = None) -> Extractor:
    """Build the extractor that conf/extractor/NAME.yaml describes.

    Args:
        name: of the option.
        settings: in place of what the file says.
        ckpt: run directory, file, shipped name or Hub id, for the options that take one.

    Raises:
        ValueError: no such option or key, a value of another type, or what the extractor's own
            constructor says; one sentence.
    """
    options = sorted(path.stem for path in (CONFIGS / "extractor").glob("*.yaml"))
    if name not in options:
        raise ValueError(f"--extractor {name}: expected one of {', '.join(options)}.")
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            cfg = compose("evaluate", [f"extractor={name}"])
        node = cfg.extractor
        OmegaConf.set_struct(cfg, False)
        cfg.ckpt = _escaped(ckpt)
        keys = list(node)  # `in` passes over those that must be given
        unknown = [key for key in settings if key not in keys]
        if unknown and name != _ANY_KEY:
            known = [str(key) for key in keys if key != "_target_"]
            raise ValueError(
                f"--extractor {name}: has no setting {unknown[0]}; expected among "
                f"{', '.join(known)}."
            )
        for key, value in settings.items():
            node[key] = _escaped(value)
        check_arguments(cfg, ("extractor",))
        return build(node)
    except Exception as error:
        sentence = None if full_errors() else explain(error)
        if sentence is None:
            raise
        raise ValueError(sentence) from error


def _escaped(value: Any) -> Any:
    """A value in which `${` is no name of another entry."""
    return replaced(value, "${", "\\${")


def extractor_of(
    encoder: Sequence[str] | None, extractor: Sequence[str] | None, norm: str = "pretraining"
) -> Extractor:
    """The extractor of a command's `--encoder` or `--extractor`, each with its settings behind it.

    Args:
        encoder: what holds the weights, then KEY=VALUE.
        extractor: name of an option, then KEY=VALUE.
        norm: of an encoder's log-mels, where the settings don't say: "pretraining", or "corpus" for
            the statistics of the recordings that it is fitted on.

    Raises:
        ValueError: see `compose_extractor`.
    """
    if encoder is not None:
        weights, *settings = encoder
        return compose_extractor("encoder", {"norm": norm} | parse_settings(settings), weights)
    assert extractor is not None
    name, *settings = extractor
    return compose_extractor(name, parse_settings(settings))


RECORDED = {
    "serab.extractors.encoder.EncoderExtractor": "encoder",
    "serab.extractors.encoder.RandomExtractor": "random",
    "serab.extractors.opensmile.OpenSmileExtractor": "opensmile",
    "serab.extractors.transformers.TransformersExtractor": "transformers",
}
"""Classes that are built from a run's config.yaml, by option: they run no code that it names."""
_RUNS_CODE = ("trust", "trust_remote_code")
_OF_THE_MACHINE = ("device", "jobs")


def recorded_settings(path: Path) -> tuple[str, dict[str, Any]] | None:
    """Option and settings of the extractor that a run's config.yaml names.

    The file may be a stranger's: a class of another package, or a setting that makes one run, is
    not followed.

    Returns:
        None where there is no such file, or where it names code to run.
    """
    try:
        node = yaml.safe_load(path.read_text(encoding="utf-8"))["extractor"]
        option = RECORDED.get(node.pop("_target_"))
        settings = {str(key): value for key, value in node.items() if key not in _OF_THE_MACHINE}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        return None
    if option is None or any(settings.pop(key, None) for key in _RUNS_CODE):
        return None
    return option, settings
