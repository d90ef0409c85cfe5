"""train.py and evaluate.py from anywhere: `serab train`, `serab evaluate`.

In a clone they are at its top; an installed project keeps them in `scripts`, with their `conf`.
"""

from __future__ import annotations

import logging
import re
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).with_name("scripts")
IS_INSTALLED = SCRIPTS.is_dir()
FOLDER = SCRIPTS if IS_INSTALLED else Path(__file__).parents[1]
"""Of the two scripts and their `conf`."""
PRINTED = re.compile(r"\bpython (\S*/)?(train|evaluate)\.py\b")


def main(arguments: Sequence[str]) -> None:
    """Run a script as `python SCRIPT.py ...` does.

    Args:
        arguments: its name, and those of its command line.
    """
    name, *rest = arguments
    script = FOLDER / f"{name}.py"
    sys.argv = [str(script), *rest]
    runpy.run_path(str(script), run_name="__main__")


def as_started(text: str) -> str:
    """A text for people; where the project is installed, `python train.py` is `serab train`."""
    return PRINTED.sub(r"serab \2", text) if IS_INSTALLED else text


def log_as_started() -> None:
    """Let all that is logged say so too."""
    make = logging.getLogRecordFactory()

    def record(*arguments: Any, **keywords: Any) -> logging.LogRecord:
        made = make(*arguments, **keywords)
        if isinstance(made.msg, str):
            made.msg = as_started(made.msg)
        return made

    if IS_INSTALLED:
        logging.setLogRecordFactory(record)
