"""An extractor named as evaluate.py names it, for commands beside the scripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from serab.launch.arguments import check_arguments
from serab.launch.errors import explain
from serab.launch.script import build

CONF = Path(__file__).parents[2] / "conf"


def named_extractor(overrides: Sequence[str]) -> Any:
    """The extractor that `evaluate.py OVERRIDES` would use, such as ckpt=RUN.

    Raises:
        ValueError: an override that isn't understood, or an extractor that can't be made.
    """
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("evaluate", list(overrides))
        check_arguments(cfg, ("extractor",))
        return build(cfg.extractor)
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        raise ValueError(sentence) from error
