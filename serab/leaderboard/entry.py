"""An entry: what one system reached on one task under one protocol, and all that it hangs on.

The hits are kept too, a 0 or 1 for each test utterance. So accuracies and intervals are computed
from an entry and not believed, and any two entries can be compared in pairs.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated

from annotated_types import Ge, Len
from pydantic import StringConstraints

from datamodules.files import write_whole
from datamodules.typed_json import Count, Fraction, Positive, parse
from serab.intervals import Over, score_interval
from serab.results.records import OPTIONAL, Limits, Params, Predictions

FOLDER = Path(__file__).with_name("entries")
KINDS = ("self-supervised", "supervised", "features", "random")
NEVER_HEARD = ("features", "random")
"""Kinds that no recordings were behind."""
ADVICE = "write it again with `python -m serab.leaderboard add RUN`"


@dataclass(frozen=True)
class System:
    """What was evaluated.

    Attributes:
        name: unique among the entries.
        kind: one of `KINDS`.
        revision: the fingerprint of its weights and settings.
        licence: of the weights or the software.
        pretraining: the data, hours and labels behind it, in a few words.
        source: address or command that one gets it by.
        embed_dim: of an utterance's embedding.
        parameters: that were trained; None where there are none or nobody counted.
    """

    name: str
    kind: str
    revision: str
    licence: str
    pretraining: str
    source: str
    embed_dim: Positive
    parameters: Count | None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; expected one of {', '.join(KINDS)}")


@dataclass(frozen=True)
class SplitScore:
    """The classifier that the protocol reports on one split of the speakers; fractions.

    `hits` are pairs of a speaker and "0110...", one digit an utterance, in the order of the run.
    """

    seed: Count
    classifier: str
    params: Params
    val_accuracy: Fraction
    accuracy: Fraction
    uar: Fraction
    macro_f1: Fraction
    over_utterances: Limits | None
    over_speakers: Limits | None
    n_train: Count
    n_val: Positive
    hits: Annotated[list[tuple[str, Annotated[str, StringConstraints(pattern="^[01]+$")]]], Len(1)]

    @property
    def digits(self) -> str:
        return "".join(digits for _, digits in self.hits)

    @property
    def n_test(self) -> int:
        return len(self.digits)

    @property
    def test_speakers(self) -> list[str]:
        """Of each test utterance."""
        return [speaker for speaker, digits in self.hits for _ in digits]


@dataclass(frozen=True)
class Heard:
    """How much of the corpus `serab.analyses overlap` found among what pre-training heard.

    Attributes:
        recordings: that were looked through.
        utterances, shared: of the corpus, and those of them that were found.
    """

    recordings: Positive
    utterances: Positive
    shared: Count


@dataclass(frozen=True)
class Entry:
    """A system's scores on a task.

    Attributes:
        system: what was evaluated.
        task, protocol: code and name.
        splits: by seed; of a cross-validation by fold.
        corpus_digest: of the index.
        utterances_digest: SHA-256 (hex) over the test utterances of all splits, in the order of
            the hits.
        leaks: sentences on what parts of a split share.
        seconds: that the classifiers took.
        versions: of Python and the packages.
        command: that gave the run.
        heard: of the corpus in pre-training; None where nobody has checked.
        folds: of a cross-validation over all speakers; None for splits that seeds draw.
    """

    system: System
    task: str
    protocol: str
    splits: Annotated[list[SplitScore], Len(1)]
    corpus_digest: str
    utterances_digest: str
    leaks: list[str]
    seconds: Annotated[float, Ge(0)]
    versions: dict[str, str]
    command: str
    heard: Heard | None = field(default=None, kw_only=True, metadata=OPTIONAL)
    folds: Positive | None = field(default=None, kw_only=True, metadata=OPTIONAL)

    @property
    def division(self) -> str:
        """The protocol, and how it divides the speakers: entries of one division compare."""
        return self.protocol if self.folds is None else f"{self.protocol}, {self.folds} folds"

    @property
    def accuracies(self) -> list[float]:
        """Of the splits; of a cross-validation of the speakers, each of whom is tested once."""
        if self.folds is None:
            return [split.accuracy for split in self.splits]
        by_speaker: dict[str, str] = {}
        for split in self.splits:
            for speaker, digits in split.hits:
                by_speaker[speaker] = by_speaker.get(speaker, "") + digits
        return [digits.count("1") / len(digits) for digits in by_speaker.values()]

    @property
    def mean(self) -> float:
        return mean(self.accuracies)

    @property
    def deviation(self) -> float | None:
        """Over the splits, or speakers; None for a single one."""
        values = self.accuracies
        return stdev(values) if len(values) > 1 else None

    @property
    def first(self) -> SplitScore:
        """Of the released split."""
        return min(self.splits, key=lambda split: split.seed)

    @property
    def intervals(self) -> tuple[Limits | None, Limits | None]:
        """95 % over speakers and over utterances: of the released split, or of all folds."""
        if self.folds is None:
            return self.first.over_speakers, self.first.over_utterances
        answers = self.predictions
        found = [
            score_interval(answers.true, answers.predicted, answers.speakers, over)
            for over in (Over.SPEAKERS, Over.UTTERANCES)
        ]
        over_speakers, over_utterances = ([i.low, i.high] if i else None for i in found)
        return over_speakers, over_utterances

    @property
    def classifiers(self) -> list[str]:
        """The chosen ones, the most frequent first."""
        return [name for name, _ in Counter(s.classifier for s in self.splits).most_common()]

    @property
    def predictions(self) -> Predictions:
        """Hits as answers, for paired tests: of the released split, or of all folds together."""
        tested = [self.first] if self.folds is None else self.splits
        digits = "".join(split.digits for split in tested)
        return Predictions(
            task=self.task,
            protocol=self.protocol,
            seed=0,
            classifier=", ".join(dict.fromkeys(split.classifier for split in tested)),
            emotions=["0", "1"],
            utterances=[str(i) for i in range(len(digits))],
            speakers=[speaker for split in tested for speaker in split.test_speakers],
            true=["1"] * len(digits),
            predicted=list(digits),
        )

    @property
    def path(self) -> Path:
        """Relative to the folder of the entries."""
        return Path(slug(self.system.name)) / f"{self.task}.{slug(self.division)}.json"


def slug(name: str) -> str:
    """A name as that of a folder: lower case, and `-` for whatever isn't a letter or digit."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return "-".join(filter(None, kept.split("-")))


def write_entry(entry: Entry, folder: Path = FOLDER) -> Path:
    """Write an entry whole."""
    path = folder / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    content = asdict(entry)
    if entry.heard is None:
        del content["heard"]
    splits = ",\n".join(f"  {json.dumps(split)}" for split in content.pop("splits"))  # a line each
    rest = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("\n}")
    write_whole(path, f'{rest},\n "splits": [\n{splits}\n ]\n}}\n')
    return path


def read_entry(path: Path) -> Entry:
    """Read an entry.

    Raises:
        ValueError: a file that holds something else; names it.
    """
    return parse(path.read_bytes(), Entry, str(path), ADVICE)


def read_entries(folder: Path = FOLDER) -> dict[Path, Entry]:
    """All entries of a folder, by path."""
    return {path: read_entry(path) for path in sorted(folder.glob("*/*.json"))}
