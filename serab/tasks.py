"""Which tasks an evaluation runs: codes in, loaded corpora out, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serab.corpora import CORPORA, SERAB_TASKS
from serab.index import CorpusIndex, load_index, prepared


@dataclass(frozen=True)
class Tasks:
    """Corpora to classify emotions on, and corpora to predict valence and arousal on."""

    classification: tuple[CorpusIndex, ...]
    regression: tuple[CorpusIndex, ...]


def choose_tasks(codes: str | Sequence[str] | None, root: Path | None = None) -> Tasks:
    """Load the corpora of an evaluation.

    Args:
        codes: of corpora, or `IEM_VA`; by default those of the nine that are prepared.
        root: of the prepared corpora.

    Raises:
        ValueError: no or unknown codes, or a corpus that isn't prepared or isn't what it was.
    """
    codes = task_codes(codes, root)
    return Tasks(
        tuple(load_index(code, root) for code in codes if code not in VALENCE_AROUSAL),
        tuple(load_index(VALENCE_AROUSAL[c], root) for c in codes if c in VALENCE_AROUSAL),
    )


def task_codes(codes: str | Sequence[str] | None, root: Path | None = None) -> list[str]:
    """The codes of an evaluation, each once, as `choose_tasks` has them; reads nothing."""
    if codes is None:
        codes = [code for code in SERAB_TASKS if code in prepared(root)]
        if not codes:
            raise ValueError(
                "no corpus is prepared (SERAB_DATA chooses the place); run `python -m "
                "serab.prepare EMB --source ARCHIVE_OR_FOLDER`."
            )
    is_single = isinstance(codes, str) or not isinstance(codes, Sequence)  # a number, say
    codes = list(dict.fromkeys(str(code).upper() for code in ([codes] if is_single else codes)))
    own = [code for code in prepared(root) if code not in CORPORA]
    known = (*CORPORA, *VALENCE_AROUSAL, *own)
    unknown = [code for code in codes if code not in known]
    if unknown or not codes:
        raise ValueError(
            f"tasks: {', '.join(unknown) or 'an empty list'}; expected codes among "
            f"{', '.join(known)}."
        )
    return codes


VALENCE_AROUSAL = {"IEM_VA": "IEM"}
"""Task -> corpus whose index has valence and arousal (1 to 5). No part of UM, WM or GM."""


DIMENSIONS = ("valence", "arousal")
