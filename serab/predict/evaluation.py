"""The evaluation that a classifier is from: which it keeps, how it scored, by which extractor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from serab.corpora import CORPORA
from serab.extractors.base import Extractor
from serab.keep.classifier import EmotionClassifier
from serab.launch.extractor import compose_extractor, extractor_of, recorded_settings
from serab.protocol import PROTOCOLS, Protocol
from serab.report.screen import describe
from serab.results.kept import KEPT, KeptClassifier, all_kept, describe_calibration
from serab.results.records import LAYER, ClassifierResult
from serab.results.run_files import RESULTS, RunFiles


class KeptEvaluation:
    """One task of a run directory: its kept classifier and its result.

    Args:
        run_dir: of evaluate.py.
        task: code of its corpus.

    Raises:
        ValueError: no run, no such task, no classifier kept of it, or one that isn't the result's;
            see `EmotionClassifier` too.
    """

    def __init__(self, run_dir: Path, task: str):
        if not (run_dir / RESULTS).is_file():
            raise ValueError(
                f"--from {run_dir}: no results of emotions in it; give a run_dir of evaluate.py."
            )
        results = RunFiles(run_dir).results
        tasks = list(dict.fromkeys(row.task for row in results))
        task = next((name for name in tasks if name.upper() == task.upper()), task)
        if task not in tasks:
            raise ValueError(f"--task {task}: {run_dir} has {', '.join(tasks)} and no {task}.")
        kept = [found for found in all_kept(run_dir) if found.task == task]
        if not kept:
            raise ValueError(
                f"--task {task}: {run_dir / KEPT} has no classifier of it; evaluate with keep=true "
                "(the same command adds it); of a cross-validation none is kept, so take splits=1."
            )
        # the honest one, where there are two
        chosen = min(kept, key=lambda found: PROTOCOLS[found.protocol].tests_all)
        self.run_dir = run_dir
        self.classifier = EmotionClassifier(run_dir, task, chosen.protocol)
        row = results.find((task, chosen.protocol, chosen.seed, chosen.classifier))
        if row is None or not chosen.is_of(row) or row.test_accuracy is None:
            raise ValueError(
                f"{self.classifier.path}: isn't the classifier of a result in {RESULTS}; evaluate "
                "again with the same command."
            )
        self.row: ClassifierResult = row

    @property
    def kept(self) -> KeptClassifier:
        return self.classifier.kept

    @property
    def protocol(self) -> Protocol:
        return PROTOCOLS[self.kept.protocol]

    def extractor(
        self, encoder: Sequence[str] | None = None, extractor: Sequence[str] | None = None
    ) -> Extractor:
        """The extractor of the evaluation, in the state that it was fitted to there.

        Args:
            encoder, extractor: in place of what config.yaml says, each with its settings.

        Raises:
            ValueError: it can't be told or built, or is another than the classifier's.
        """
        recorded = recorded_settings(self.run_dir / "config.yaml")
        if encoder is None and extractor is None:
            if recorded is None:
                raise ValueError(
                    f"{self.run_dir}: doesn't say by which extractor, or names code to run, which "
                    f"isn't done unasked; give --encoder or --extractor for {self.kept.extractor}."
                )
            option, settings = recorded
            try:
                built = compose_extractor(option, settings)
            except ValueError as error:
                raise ValueError(
                    f"{str(error).rstrip('.')} (from {self.run_dir / 'config.yaml'}); give "
                    "--encoder with the place where it is now."
                ) from error
        else:
            norm = (recorded[1] if recorded else {}).get("norm") or "corpus"
            built = extractor_of(encoder, extractor, norm)
        if built.fingerprint != self.kept.extractor_fingerprint:
            raise ValueError(
                f"{built.name}: is another encoder (fingerprint {_short(built.fingerprint)}) than "
                f"that of the classifier ({self.kept.extractor}, "
                f"{_short(self.kept.extractor_fingerprint)}); give --encoder with that one, or "
                "evaluate this one."
            )
        if self.kept.extractor_state:
            built.restore(self.kept.extractor_state)
        layer = self.kept.params.get(LAYER)
        return built.at_layer(layer) if isinstance(layer, int) else built

    def describe(self) -> list[str]:
        """What the classifier was fitted on, how good it is, and for whom; a sentence a line."""
        kept, row = self.kept, self.row
        corpus = CORPORA.get(kept.task)
        name = kept.task if corpus is None else f"{corpus.name} ({corpus.language})"
        speakers = ", ".join(kept.speakers[:12]) + (", …" if len(kept.speakers) > 12 else "")
        lines = [
            f"{kept.task}: {kept.classifier} on {kept.extractor} ({kept.embed_dim} dimensions), "
            f"fitted on {kept.utterances} utterances of {len(kept.speakers)} speakers of {name}: "
            f"{speakers}",
            f"emotions: {', '.join(kept.emotions)}; each recording gets one of these",
            f"{kept.protocol} accuracy: {describe(row)}; chance {100 * row.chance:.1f} %",
            f"probabilities: {describe_calibration(kept)}",
        ]
        if self.protocol.tests_all:
            lines.append(
                "That is not a strict accuracy: speakers were normalised by their own test "
                "utterances; protocol=strict gives one."
            )
        lines += [f"leak: {sentence}" for sentence in row.leaks]
        if row.demo:
            lines.append("This is the demo corpus of synthetic voices: not for human speech.")
        lines.append(
            f"Accuracy and probabilities hold for unheard speakers of {name}: that language, those "
            "sentences, that room. For others expect less, for another language or spontaneous "
            "speech much less, with probabilities as high; how much less, only labelled recordings "
            "of your own tell (docs/embeddings.md)."
        )
        return lines


def _short(fingerprint: str) -> str:
    return fingerprint if len(fingerprint) <= 24 else f"{fingerprint[:12]}…{fingerprint[-11:]}"
