"""The two protocols: how a task is normalised, which classifier counts, what touches the test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Protocol:
    """`reports` names the mark of the results that count: "best_on_test" or "selected"."""

    name: str
    summary: str
    details: tuple[str, ...]
    per_speaker: bool
    reports: str

    @property
    def tests_all(self) -> bool:
        """Whether every classifier touches the test part, or only the selected one."""
        return self.reports == "best_on_test"


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
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
            per_speaker=True,
            reports="best_on_test",
        ),
        Protocol(
            "strict",
            "true speakers, nothing of the test part is used before the end",
            (
                "true speakers are split by the same rule; all classes stay in",
                "embeddings are standardised by mean and deviation of the utterances that the "
                "classifier is fitted on; test identities aren't used",
                "classifier and parameters are chosen on validation, fitted again on training and "
                "validation, and only the chosen one is tested, once",
            ),
            per_speaker=False,
            reports="selected",
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        ValueError: no such protocol; names those there are.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"protocol={name}: expected one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


def split_seeds(protocol: Protocol, splits: int) -> range:
    """Seeds of the speaker splits to run: 0 is the released one.

    Raises:
        ValueError: none, or several under the published protocol, whose split is fixed.
    """
    if not isinstance(splits, int) or splits < 1:
        raise ValueError(f"splits={splits}: expected a number from 1 on.")
    if splits > 1 and protocol.name == "published":
        raise ValueError(
            f"splits={splits}: the published protocol has one split; add protocol=strict."
        )
    return range(splits)
