"""What a run says of the classifiers that it keeps: one small JSON file beside each of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Gt

from datamodules.files import write_whole
from datamodules.typed_json import Count, Fraction, Positive, parse, sealed
from serab.protocol import Protocol
from serab.results.records import ClassifierResult, Params
from serab.results.summary import summarise_all

KEPT, CALIBRATION = "classifiers", "calibration"
"""Folder of a run directory, and key of its summary."""
FORMAT = 1
_ADVICE = "copy the run directory again, or delete this file and evaluate again"


@dataclass(frozen=True)
class Calibration:
    """How a classifier's scores became probabilities, and how well they hold on the test part.

    `temperature` divides its log-scores; it was found on `utterances` of the validation `speakers`.
    `error_before` and `error_after` are the expected calibration error on the test part, over
    `bins` bins of equal width, with a temperature of 1 and with this one.
    """

    temperature: Annotated[float, Gt(0)]
    utterances: Count
    speakers: list[str]
    error_before: Fraction
    error_after: Fraction
    bins: Positive


@dataclass(frozen=True)
class KeptClassifier:
    """A fitted classifier of a run and all that it takes to use it; `sha256` is of its skops file.

    `speakers` and `utterances` are those that it was fitted on, training and validation; `differs`
    is the number of test utterances for which it says something else than the run's predictions.
    """

    format: Positive
    task: str
    protocol: str
    seed: Count
    classifier: str
    params: Params
    emotions: list[str]
    speakers: list[str]
    utterances: Positive
    embed_dim: Positive
    extractor: str
    extractor_fingerprint: str
    extractor_state: dict[str, Any]
    corpus_digest: str
    scikit_learn: str
    calibration: Calibration
    differs: Count
    sha256: str

    def is_of(self, row: ClassifierResult) -> bool:
        """Whether it is the classifier of that result, on the same corpus and encoder."""
        mine = (self.corpus_digest, self.extractor_fingerprint, self.scikit_learn)
        named = (self.task, self.protocol, self.seed, self.classifier)
        return (named, mine, self.params) == (row.slot, row.source, row.params)


def kept_path(run_dir: Path, task: str, protocol: str) -> Path:
    """The JSON file; the classifier itself is beside it, ending in .skops."""
    return run_dir / KEPT / f"{task}-{protocol}.json"


def write_kept(run_dir: Path, kept: KeptClassifier, classifier: bytes) -> Path:
    """Write both files, the JSON last: without it nothing is kept.

    Raises:
        OSError: no room or no permission; names the file.
    """
    path = kept_path(run_dir, kept.task, kept.protocol)
    path.unlink(missing_ok=True)
    write_whole(path.with_suffix(".skops"), classifier)
    return write_whole(path, json.dumps(sealed(asdict(kept)), indent=1) + "\n")


def read_kept(path: Path) -> KeptClassifier | None:
    """What a JSON file says; None where there is none.

    Raises:
        ValueError: it is something else, or was changed; names the file.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return parse(content, KeptClassifier, str(path), _ADVICE)


def kept_bytes(path: Path, kept: KeptClassifier) -> bytes:
    """The classifier beside a JSON file.

    Raises:
        ValueError: it has gone or was changed; names the file.
    """
    file = path.with_suffix(".skops")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file}: can't be read ({error.strerror}); {_ADVICE}.") from error
    if hashlib.sha256(content).hexdigest() != kept.sha256:
        raise ValueError(
            f"{file}: was changed since it was written (its checksum in {path.name} differs); "
            "copy the run directory again, or delete both files and evaluate again."
        )
    return content


def all_kept(run_dir: Path) -> list[KeptClassifier]:
    """What a run directory keeps, by task.

    Raises:
        ValueError: see `read_kept`.
    """
    found = [read_kept(path) for path in sorted(run_dir.glob(f"{KEPT}/*.json"))]
    return [kept for kept in found if kept is not None]


def calibrations(kept: Iterable[KeptClassifier], protocol: str) -> dict[str, Any]:
    """By task, for summary.json."""
    return {k.task: asdict(k.calibration) for k in kept if k.protocol == protocol}


def summary_with_calibration(
    results: Iterable[ClassifierResult], protocols: Sequence[Protocol], run_dir: Path
) -> dict[str, Any]:
    """`summarise_all`, and the calibration of the classifiers that the run directory keeps."""
    summary = summarise_all(results, protocols)
    kept = all_kept(run_dir)
    for protocol in protocols:
        if found := calibrations(kept, protocol.name):
            of_protocol(summary, protocol)[CALIBRATION] = found
    return summary


def of_protocol(summary: dict[str, Any], protocol: Protocol) -> dict[str, Any]:
    """What a run's summary says of one of its protocols."""
    return summary["protocols"][protocol.name] if "protocols" in summary else summary


def describe_calibration(kept: KeptClassifier) -> str:
    """In a line, for people."""
    found = kept.calibration
    return (
        f"temperature {found.temperature:.3g} from {found.utterances} utterances of "
        f"{len(found.speakers)} validation speakers; calibration error on test (ECE, {found.bins} "
        f"bins) {100 * found.error_before:.1f} % before, {100 * found.error_after:.1f} % after"
    )
