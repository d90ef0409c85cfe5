"""The model card of a shared encoder: what it is, what it heard, how it scores, on what terms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

RESULTS = "results.jsonl"
FEW_SPEAKERS = 5
"""As the evaluation's own summary has it (serab.report.words): no interval over speakers below."""
PAPER = (
    'Scheidwasser-Clow et al., "SERAB: a multi-lingual benchmark for speech emotion recognition", '
    "ICASSP 2022"
)


@dataclass(frozen=True)
class Score:
    """Test accuracy (a fraction) of one task, and how far it would move with other test data.

    Attributes:
        over_utterances, over_speakers: 95 % bootstrap intervals of the accuracy (fractions); None
            with a single unit.
        speakers: number of test speakers. With fewer than `FEW_SPEAKERS` of them `over_speakers`
            is but the range between them.
    """

    task: str
    protocol: str
    classifier: str
    accuracy: float
    uar: float
    over_utterances: tuple[float, float] | None
    over_speakers: tuple[float, float] | None
    n_test: int
    speakers: int
    demo: bool


def read_scores(run_dir: str | Path, fingerprint: str) -> tuple[Score, ...]:
    """The classifiers that validation chose, from the results of `evaluate.py`.

    Args:
        run_dir: of the evaluation; its results.jsonl is read.
        fingerprint: of the encoder to share.

    Raises:
        ValueError: no such file, a line of something else, or results of another encoder.
    """
    path = Path(run_dir) / RESULTS
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected the run_dir of a finished evaluate.py.")
    scores = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            if not row["extractor_fingerprint"].startswith(fingerprint):
                raise ValueError(
                    f"{path}: line {number} is of another encoder ({row['extractor']}); evaluate "
                    "this one with evaluate.py and give that run_dir."
                )
            if row["selected"] and row["test_accuracy"] is not None:
                scores.append(_score(row))
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path}: line {number} isn't a result of evaluate.py ({error}); evaluate again."
            ) from error
    if not scores:
        raise ValueError(
            f"{path}: holds no finished task; start evaluate.py again with this run_dir."
        )
    return tuple(scores)


def _score(row: dict[str, Any]) -> Score:
    return Score(
        row["task"],
        row["protocol"],
        row["classifier"],
        float(row["test_accuracy"]),
        float(row["test_uar"]),
        _pair(row["over_utterances"]),
        _pair(row["over_speakers"]),
        int(row["n_test"]),
        len(row["speakers"]),
        bool(row["demo"]),
    )


def _pair(interval: list[float] | None) -> tuple[float, float] | None:
    return (float(interval[0]), float(interval[1])) if interval else None


def card_data(name: str, licence: str, scores: tuple[Score, ...]) -> ModelCardData:
    """The header that the Hub reads: licence, tags, and scores beside those of other models."""
    results = [
        EvalResult(
            task_type="audio-classification",
            task_name="speech emotion recognition",
            dataset_type=score.task,
            dataset_name=score.task,
            dataset_args={"protocol": score.protocol, "classifier": score.classifier},
            metric_type="accuracy",
            metric_value=round(score.accuracy, 4),
        )
        for score in scores
    ]
    return ModelCardData(
        license=licence,
        library_name="serab-byols",
        pipeline_tag="feature-extraction",
        tags=["audio", "speech", "speech-emotion-recognition", "self-supervised", "byol"],
        model_name=name if results else None,
        eval_results=results or None,
    )


def card_text(
    config: dict[str, Any], parameters: int, scores: tuple[Score, ...], recipe: str = ""
) -> str:
    """The card below its header, in Markdown.

    Args:
        config: content of config.json.
        parameters: of the encoder.
        scores: from `read_scores`; may be empty.
        recipe: from `models.hub.recipe.read_recipe`; may be empty.
    """
    frontend, norm = config["frontend"], config["norm"]
    norm = "none, give your own" if norm is None else f"mean {norm[0]:.3f}, std {norm[1]:.3f}"
    return "\n".join(
        [
            f"# {config['name']}",
            "",
            f"A speech encoder of {parameters / 1e6:.1f} M parameters, after {PAPER}. "
            "Recordings of any length in, one embedding each out.",
            "",
            "```python",
            "from models.checkpoint import load_encoder",
            "",
            'encoder = load_encoder("REPO_OR_FOLDER")',
            "embedding = encoder.embed(waveform, sample_rate=44_100)  # (B, samples) -> (B, D)",
            "```",
            "",
            f"Front end: log-mel, {frontend['n_mels']} bands of {frontend['f_min']:g}-"
            f"{frontend['f_max']:g} Hz at {frontend['sample_rate']} Hz, windows of "
            f"{frontend['win_length']} samples every {frontend['hop_length']}. Norm: {norm}.",
            "",
            "## Training data and recipe",
            "",
            *_training(config["about"]),
            "",
            *_recipe(recipe),
            "",
            "## Scores",
            "",
            *_table(scores),
            "",
        ]
    )


def _training(about: dict[str, Any]) -> list[str]:
    if not about:
        return ["Not recorded in these weights."]
    facts = dict(about)
    lines = []
    if facts.pop("demo", False):
        lines += ["**Synthetic demo speech: shows that everything runs, and nothing more.**", ""]
    if "hours" in facts:
        hours, recordings = facts.pop("hours"), facts.pop("recordings", "?")
        lines.append(f"- data: {hours} h, {recordings} recordings")
    for part in facts.pop("parts", ()):
        told = (f"{key.replace('_', ' ')} {value}" for key, value in part.items())
        lines.append(f"  - {', '.join(told)}")
    if "data_digest" in facts:
        lines.append(f"- data digest: `{facts.pop('data_digest')}`")
    versions = facts.pop("versions", None)
    lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in facts.items()]
    if isinstance(versions, dict):
        lines.append("- " + ", ".join(f"{package} {v}" for package, v in versions.items()))
    return lines


def _recipe(recipe: str) -> list[str]:
    if not recipe:
        return [
            "Optimizer, learning rate, tau and augmentation aren't recorded in these weights, and "
            "the run's config.yaml wasn't beside them when this card was written."
        ]
    return ["From the run's config.yaml:", "", "```yaml", recipe.rstrip("\n"), "```"]


def _table(scores: tuple[Score, ...]) -> list[str]:
    if not scores:
        return ["None given."]
    lines = [
        "| task | protocol | classifier | accuracy % | over utterances | over test speakers | "
        "UAR % | test part |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for score in scores:
        task = f"{score.task} (synthetic)" if score.demo else score.task
        lines.append(
            f"| {task} | {score.protocol} | {score.classifier} | {100 * score.accuracy:.1f} | "
            f"{_over_utterances(score)} | {_over_speakers(score)} | {100 * score.uar:.1f} | "
            f"{score.n_test} utterances, {score.speakers} speakers |"
        )
    return [
        *lines,
        "",
        "The classifier is the one that is best on the validation speakers. Intervals are of the "
        "accuracy: percentiles of bootstrap samples of the test utterances, and of the test "
        f"speakers with all of theirs. Fewer than {FEW_SPEAKERS} speakers give no interval, only "
        "the range between them.",
    ]


def _over_utterances(score: Score) -> str:
    return f"95 % interval {_limits(score.over_utterances)}" if score.over_utterances else "-"


def _over_speakers(score: Score) -> str:
    if not score.over_speakers:
        return "-"
    limits = _limits(score.over_speakers)
    few = score.speakers < FEW_SPEAKERS
    return f"{limits} between the {score.speakers}" if few else f"95 % interval {limits}"


def _limits(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f}-{100 * interval[1]:.1f}"
