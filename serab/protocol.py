"""The two protocols: how a task is normalised, which classifier counts, what touches the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What singles out one classifier of a task; its value is the name in summary.json."""

    SELECTED = "selected"
    BEST_ON_TEST = "best_on_test"


@dataclass(frozen=True)
class Protocol:
    """The rules of an evaluation. Rooms ask its fields; its name is for people and files.

    Args:
        name, summary, details: for people.
        released_ids: speakers are split by the ids of the released code, and the classes that the
            published scores lack are left out; otherwise by the true speakers, with all classes.
        one_split: there is the released split of the speakers and no other.
        per_speaker: embeddings are normalised per speaker within each part.
        refuses_leaks: official parts that share speakers aren't evaluated, unless one asks for it.
        reports: the mark of the results that count.
    """

    name: str
    summary: str
    details: tuple[str, ...]
    released_ids: bool
    one_split: bool
    per_speaker: bool
    refuses_leaks: bool
    reports: Mark

    @property
    def tests_all(self) -> bool:
        """Whether every classifier touches the test part, or only the selected one."""
        return self.reports is Mark.BEST_ON_TEST


PUBLISHED = Protocol(
    "published",
    "how Table 3 of the paper was made, its leaks included",
    (
        "speakers are split by the released ids: for SHE these are utterance numbers and "
        "for IEM the side that wears the markers, so true speakers leak there",
        "CAF has six classes: the 72 neutral utterances are left out",
        "embeddings are normalised per speaker within each part, which uses the identities "
        "of the test speakers (transductive)",
        "each of the five classifiers is searched on validation, fitted on training and "
        "validation, and tested",
        "the reported accuracy is that of the classifier that is best on the test part, "
        "so it is optimistic",
    ),
    released_ids=True,
    one_split=True,
    per_speaker=True,
    refuses_leaks=False,
    reports=Mark.BEST_ON_TEST,
)

STRICT = Protocol(
    "strict",
    "true speakers, nothing of the test part is used before the end",
    (
        "true speakers are split by the same rule; all classes stay in",
        "embeddings are standardised by mean and deviation of the utterances that the "
        "classifier is fitted on; test identities aren't used",
        "classifier and parameters are chosen on validation, fitted again on training and "
        "validation, and only the chosen one is tested, once",
    ),
    released_ids=False,
    one_split=False,
    per_speaker=False,
    refuses_leaks=True,
    reports=Mark.SELECTED,
)

PROTOCOLS = {protocol.name: protocol for protocol in (PUBLISHED, STRICT)}


def protocol_named(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        ValueError: no such protocol; names those there are.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"protocol={name}: expected one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


def protocols_named(names: str | Sequence[str]) -> tuple[Protocol, ...]:
    """The protocols of a name, of names with commas between, or of a list of them; each once.

    Raises:
        ValueError: no such protocol, or none at all.
    """
    listed = names.split(",") if isinstance(names, str) else list(names)
    if not listed:
        raise ValueError(f"protocol: an empty list; expected some of {', '.join(PROTOCOLS)}.")
    return tuple(dict.fromkeys(protocol_named(str(name).strip()) for name in listed))


def split_seeds(protocol: Protocol, splits: int) -> range:
    """Seeds of the speaker splits to run: 0 is the released one.

    Raises:
        ValueError: none, or several under a protocol whose split is fixed.
    """
    if not isinstance(splits, int) or splits < 1:
        raise ValueError(f"splits={splits}: expected a number from 1 on.")
    if splits > 1 and protocol.one_split:
        several = " or ".join(p.name for p in PROTOCOLS.values() if not p.one_split)
        raise ValueError(
            f"splits={splits}: the {protocol.name} protocol has one split; add protocol={several}."
        )
    return range(splits)
