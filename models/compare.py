"""Several pre-training runs beside each other: loss, spread of the embeddings, probe, speed.

python -m models.compare RUN [RUN ...] --out comparison.png

It reads the `metrics/*/metrics.csv` that every run writes, prints a table of where the runs stand
and draws their curves.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.files import whole_file

PANELS = {
    "loss": "loss",
    "embedding_std": "spread of embeddings",
    "probe": "probe, accuracy on validation speakers, %",
}
Curve = dict[int, float]


@dataclass(frozen=True)
class Curves:
    """A run's logged values by name, each by step."""

    name: str
    values: dict[str, Curve] = field(default_factory=dict)

    def last(self, name: str) -> float | None:
        curve = self.values.get(name, {})
        return curve[max(curve)] if curve else None

    def panel(self, name: str) -> dict[str, Curve]:
        """The curves of one of `PANELS`; a run may have a probe on several corpora, in percent."""
        if name != "probe":
            return {name: self.values[name]} if name in self.values else {}
        return {
            key: {step: 100 * accuracy for step, accuracy in curve.items()}
            for key, curve in self.values.items()
            if key.startswith("probe_") and not key.endswith(("_uar", "_seconds"))
        }


def read_curves(run_dir: str | Path) -> Curves:
    """What a run has logged, also before it was stopped and went on.

    Raises:
        ValueError: no metrics there, or a file that isn't such a table; names it.
    """
    run_dir = Path(run_dir)
    tables = sorted(run_dir.glob("metrics/*/metrics.csv"), key=lambda path: path.stat().st_mtime)
    if not tables:
        raise ValueError(
            f"{run_dir}: no metrics/*/metrics.csv in it; give the run_dir of a train.py that "
            "logged."
        )
    curves = Curves(run_dir.name)
    for path in tables:
        try:
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    step = int(row.pop("step"))
                    for name, text in row.items():
                        if text:
                            curves.values.setdefault(name, {})[step] = float(text)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path}: not a table of metrics ({error}); copy it again.") from error
    return curves


def table(runs: Sequence[Curves]) -> str:
    """A line a run: its last values, and the lowest spread it went through."""
    probes = sorted({name for run in runs for name in run.panel("probe")})
    scores = [f"{probe} %" for probe in probes]
    columns = ("run", "steps", "loss", "spread", "lowest spread", "samples/s", *scores)
    rows = [columns]
    for run in runs:
        spread = run.values.get("embedding_std", {})
        numbers = (
            run.last("loss"),
            run.last("embedding_std"),
            min(spread.values(), default=None),
            run.last("samples_per_second"),
        )
        steps = max((max(curve) for curve in run.values.values()), default=0) + 1
        cells = ["–" if number is None else f"{number:.3g}" for number in numbers]
        accuracies = (run.last(name) for name in probes)
        cells += ["–" if value is None else f"{100 * value:.1f}" for value in accuracies]
        rows.append((run.name, str(steps), *cells))
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def draw(runs: Sequence[Curves], path: Path) -> Path:
    """A PNG with a panel each for loss, spread and, where a run has one, the probe."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [name for name in PANELS if any(run.panel(name) for run in runs)]
    figure = Figure(figsize=(6.4, 2.6 * len(panels)), layout="constrained")
    for axes, panel in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        for number, run in enumerate(runs):
            for name, curve in run.panel(panel).items():
                label = run.name if panel == name else f"{run.name}, {name.removeprefix('probe_')}"
                steps = sorted(curve)
                axes.plot(
                    [step + 1 for step in steps],
                    [curve[step] for step in steps],
                    color=f"C{number}",
                    marker="o" if panel == "probe" else None,
                    linestyle=("-", "--", ":", "-.")[number % 4],
                    label=label,
                )
        axes.set(ylabel=PANELS[panel])
        axes.grid(alpha=0.3)
        axes.legend()
    axes.set(xlabel="step")
    with whole_file(path) as file:
        FigureCanvasAgg(figure).print_png(file)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and draw the curves; 0, or 1 for an error."""
    parser = argparse.ArgumentParser(
        prog="serab compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, help="PNG file")
    options = parser.parse_args(arguments)
    try:
        runs = [read_curves(run_dir) for run_dir in options.run_dirs]
        print(table(runs))
        if options.out is not None:
            print(draw(runs, options.out))
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
