"""The log of a run as one small CSV file and one picture, for a card.

python benchmarks/training_log.py RUN --csv FILE --picture FILE
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib
import pandas as pd

matplotlib.use("Agg")
from matplotlib import pyplot

CURVES = {"loss": "loss", "descriptor_loss": "descriptors", "embedding_std": "embedding std"}
EVERY = 50
"""Steps that one row averages over."""


def read_log(run_dir: Path) -> pd.DataFrame:
    """Rows of steps, over the pieces of a run that was continued: the last word on a step counts.

    Raises:
        ValueError: no metrics there.
    """
    pieces = sorted(run_dir.glob("metrics/version_*/metrics.csv"), key=lambda p: p.stat().st_mtime)
    if not pieces:
        raise ValueError(f"{run_dir}: no metrics/version_*/metrics.csv; train with logger=csv.")
    rows = pd.concat([pd.read_csv(piece) for piece in pieces])
    return rows.dropna(subset=["loss"]).drop_duplicates("step", keep="last").set_index("step")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="run directory of train.py with logger=csv")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    said = parser.parse_args()
    try:
        log = read_log(said.run)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    curves = [name for name in CURVES if name in log]
    columns = [*curves, "learning_rate", "samples_per_second"]
    means = log[columns].groupby(log.index // EVERY * EVERY + EVERY).mean()
    means.to_csv(said.csv, float_format="%.5g", lineterminator="\n")
    figure, axes = pyplot.subplots(1, len(curves), figsize=(3.2 * len(curves), 2.6))
    for axis, name in zip(axes, curves, strict=True):
        axis.plot(log.index, log[name], linewidth=0.5, alpha=0.4)
        axis.plot(means.index, means[name])
        axis.set_title(CURVES[name])
        axis.set_xlabel("step")
        axis.set_ylim(0, log[name].quantile(0.98) * 1.2)
    figure.tight_layout()
    figure.savefig(said.picture, dpi=100)


if __name__ == "__main__":
    main()
