"""Hours of speech and length of training against the score: a table and a picture.

    python benchmarks/hours.py --source SPEECH --out DIR [--steps 400] [--seeds 2]

The recipe of `experiment=speech_512` on random parts of a folder at equal steps, on all of it for
four lengths, with BYOL-A's window instead of BYOL-S's, and with `cvt_small` for the processor time
of `audio_ntt_512`. Each encoder is scored on EMB by a logistic regression on the *validation*
speakers of the five strict splits; test speakers are never read. Runs that are in DIR already
aren't done again. With the defaults about 80 minutes of one core.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from datamodules.manifest.recordings import Manifest, scan_folder
from datamodules.shards.packing import pack
from serab.cache_folder import cache_root
from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.extractors.base import Extractor
from serab.extractors.encoder import EncoderExtractor, RandomExtractor
from serab.protocol import STRICT
from serab.splits import split
from serab.tasks import choose_tasks

SPLITS = range(5)
FIELDS = ("encoder", "frontend", "hours", "steps", "seed", "score", "deviation", "core_minutes")


@dataclass(frozen=True)
class Run:
    """One training; `hours` of speech, all of it where None."""

    encoder: str
    frontend: str
    hours: float | None
    steps: int
    seed: int

    @property
    def name(self) -> str:
        hours = "all" if self.hours is None else f"{self.hours:g}h"
        return f"{self.encoder}-{self.frontend}-{hours}-{self.steps}-{self.seed}"


def part_of(recordings: Manifest, hours: float | None) -> Manifest:
    """A random part of the recordings; a larger one contains the smaller ones."""
    order = np.random.RandomState(0).permutation(len(recordings.recordings))
    chosen, seconds = [], 0.0
    for position in order:
        if hours is not None and seconds >= 3600 * hours:
            break
        chosen.append(recordings.recordings[position])
        seconds += chosen[-1].seconds
    return Manifest(recordings.root, tuple(sorted(chosen, key=lambda r: r.path)))


def score(extractor: Extractor) -> tuple[float, float]:
    """Mean and deviation over the splits of the accuracy on validation speakers, in percent."""
    (index,) = choose_tasks(["EMB"]).classification
    targets = np.array([utterance.emotion for utterance in index.utterances])
    accuracies = []
    for seed in SPLITS:
        parts = split(index, STRICT, seed)
        positions = np.concatenate([parts.train, parts.validation])
        embeddings = embed_corpus(extractor, index, parts.train, positions, Cache(cache_root()))
        fitted = len(parts.train)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
        model.fit(embeddings[:fitted], targets[parts.train])
        accuracies.append(100 * model.score(embeddings[fitted:], targets[parts.validation]))
    return float(np.mean(accuracies)), float(np.std(accuracies))


def train(run: Run, shards: Path, out: Path) -> float:
    """Train it, or go on with it.

    Returns:
        processor time in minutes, of this start alone.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [
            *(sys.executable, str(ROOT / "train.py"), "experiment=speech_512"),
            *(f"encoder={run.encoder}", f"frontend={run.frontend}", f"seed={run.seed}"),
            *(f"data.root={shards}", f"trainer.max_steps={run.steps}", "logger=csv"),
            *(f"run_dir={out / 'runs' / run.name}", "resume=auto"),
            *(["~encoder.dropout"] if run.encoder.startswith("cvt") else []),
        ],
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 60


def rows_of(table: Path) -> list[dict[str, str]]:
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append(table: Path, row: dict[str, str]) -> None:
    rows = [*rows_of(table), row]
    with table.with_suffix(".part").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    table.with_suffix(".part").replace(table)


def find(table: Path, run: Run) -> dict[str, str] | None:
    hours = "all" if run.hours is None else f"{run.hours:g}"
    named = [run.encoder, run.frontend, hours, str(run.steps), str(run.seed)]
    return next((r for r in rows_of(table) if [r[key] for key in FIELDS[:5]] == named), None)


def measure(run: Run, recordings: Manifest, out: Path) -> dict[str, str]:
    """The run's row, computed where it isn't there."""
    table = out / "hours.csv"
    if found := find(table, run):
        return found
    hours = "all" if run.hours is None else f"{run.hours:g}"
    shards = out / "shards" / hours
    pack(part_of(recordings, run.hours), shards, jobs=1)
    minutes = train(run, shards, out)
    mean, deviation = score(EncoderExtractor(out / "runs" / run.name))
    values = (run.encoder, run.frontend, hours, str(run.steps), str(run.seed))
    numbers = (f"{mean:.1f}", f"{deviation:.1f}", f"{minutes:.2f}")
    row = dict(zip(FIELDS, (*values, *numbers), strict=True))
    append(table, row)
    return row


def equal_steps(recordings: Manifest, out: Path, steps: int) -> int:
    """Steps of cvt_small that cost the processor as much as `steps` of audio_ntt_512."""
    cost = {}
    for encoder in ("audio_ntt_512", "cvt_small"):
        runs = [Run(encoder, "log_mel_400", None, length, 1) for length in (steps // 4, steps // 2)]
        short, long = (float(measure(r, recordings, out)["core_minutes"]) for r in runs)
        cost[encoder] = long - short
    return round(steps * cost["audio_ntt_512"] / cost["cvt_small"])


def references(out: Path, official: Path | None) -> dict[str, float]:
    """Scores of encoders that need no training."""
    scores = {"random weights": score(RandomExtractor("audio_ntt_512", 42))[0]}
    if official is not None:
        scores["official BYOL-S 512"] = score(EncoderExtractor(official))[0]
    return scores


def draw(out: Path, scores: dict[str, float], steps: int, total: float) -> None:
    """Score over hours at equal steps, and over steps on all of the speech."""
    rows = [r for r in rows_of(out / "hours.csv") if r["encoder"] == "audio_ntt_512"]
    rows = [r for r in rows if r["frontend"] == "log_mel_400"]
    panels = {
        f"hours of speech, {steps} steps": [
            (total if r["hours"] == "all" else float(r["hours"]), float(r["score"]))
            for r in rows
            if int(r["steps"]) == steps
        ],
        f"steps of 64 crops, {total:.1f} h": [
            (float(r["steps"]), float(r["score"])) for r in rows if r["hours"] == "all"
        ],
    }
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, (label, points) in zip(axes, panels.items(), strict=True):
        x = sorted({x for x, _ in points})
        axis.plot(x, [np.mean([y for at, y in points if at == value]) for value in x], "-")
        axis.plot(*zip(*points, strict=True), "o", color="C0")
        for (name, value), style in zip(scores.items(), (":", "--"), strict=False):
            axis.axhline(value, color="0.4", linestyle=style)
            axis.annotate(name, (x[0], value), (0, 3), textcoords="offset points", fontsize=11)
        axis.margins(y=0.08)
        axis.set_xscale("log")
        axis.set_xticks(x, [f"{value:.3g}" for value in x])
        axis.minorticks_off()
        axis.set_xlabel(label)
    axes[0].set_ylabel("EMB, validation speakers, %")
    figure.savefig(out / "hours.png", dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True, help="folder of recordings")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--official", type=Path, help="official weights, for a line beside ours")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    recordings = scan_folder(options.source)
    steps, equal = options.steps, None
    for seed in range(1, options.seeds + 1):
        lengths = [(None, length) for length in (steps // 4, steps // 2, steps, 2 * steps)]
        for hours, length in (*lengths, (0.5, steps), (1.5, steps), (3.0, steps)):
            run = Run("audio_ntt_512", "log_mel_400", hours, length, seed)
            measure(run, recordings, options.out)
        measure(Run("audio_ntt_512", "log_mel_1024", None, steps, seed), recordings, options.out)
        equal = equal or equal_steps(recordings, options.out, steps)
        measure(Run("cvt_small", "log_mel_400", None, equal, seed), recordings, options.out)
    scores = references(options.out, options.official)
    draw(options.out, scores, steps, recordings.seconds / 3600)
    print((options.out / "hours.csv").read_text())
    print("\n".join(f"{name}: {value:.1f}" for name, value in scores.items()))


if __name__ == "__main__":
    main()
