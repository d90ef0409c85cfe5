"""Pin a model of the Hub at first use: the commit that came is the one that comes next time.

A name on the Hub can get other weights any day. The first commit that this user's cache saw is
written to `$XDG_CACHE_HOME/serab/revisions.json` and asked for from then on; `extractor.revision=`
goes first.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from datamodules.files import write_whole

log = logging.getLogger(__name__)


def revisions_file() -> Path:
    """Where the commits are written down."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "serab" / "revisions.json"


def pinned_revision(model: str) -> str | None:
    """The commit of a repository that came at its first use, or None before that.

    Raises:
        ValueError: the file isn't one of names and commits.
    """
    return _read().get(model)


def pin_revision(model: str, commit: str) -> None:
    """Write down the commit of a repository that has none yet, and say so."""
    revisions = _read()
    if model not in revisions:
        write_whole(revisions_file(), json.dumps({**revisions, model: commit}, indent=1) + "\n")
        log.warning(
            "%s is at %s, which is used from now on (%s); extractor.revision=%s says so anywhere",
            *(model, commit, revisions_file(), commit),
        )


def _read() -> dict[str, str]:
    path = revisions_file()
    if not path.is_file():
        return {}
    try:
        revisions = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(value, str) for value in revisions.values()):
            raise ValueError("a commit that isn't text")
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"{path}: isn't a list of models and their commits ({error}); remove it, or give "
            "extractor.revision."
        ) from error
    return revisions
