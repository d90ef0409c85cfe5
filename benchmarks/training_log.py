"""The log of a run as one small CSV file, one picture and one W&B run, for a card.

    python benchmarks/training_log.py RUN --csv FILE --picture FILE [--wandb FOLDER]

The W&B run is an offline one, as a run with logger=wandb writes it, for `wandb sync`: one run over
all pieces of a training that was stopped and went on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib
import pandas as pd
import yaml

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


def write_wandb(log: pd.DataFrame, run_dir: Path, folder: Path) -> None:
    """An offline W&B run of the log, with the run's configuration but for its places on a disk."""
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    text = (run_dir / "config.yaml").read_text(encoding="utf-8")
    given = yaml.safe_load(text)
    for path, name in ((given["data"].get("root"), "SHARDS"), (given["run_dir"], "RUN")):
        text = text.replace(str(path), name) if path else text
    config = yaml.safe_load(text)
    settings = wandb.Settings(
        console="off",
        disable_code=True,
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
    )
    with wandb.init(
        project="serab", name=run_dir.name, mode="offline", dir=folder, config=config,
        settings=settings,
    ) as run:  # fmt: skip
        for step, row in log.iterrows():
            run.log(row.dropna().to_dict(), step=int(step))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="run directory of train.py with logger=csv")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--wandb", type=Path, help="folder for an offline run")
    options = parser.parse_args()
    try:
        log = read_log(options.run)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    curves = [name for name in CURVES if name in log]
    columns = [*curves, "learning_rate", "samples_per_second"]
    means = log[columns].groupby(log.index // EVERY * EVERY + EVERY).mean()
    means.to_csv(options.csv, float_format="%.5g", lineterminator="\n")
    figure, axes = pyplot.subplots(1, len(curves), figsize=(3.2 * len(curves), 2.6))
    for axis, name in zip(axes, curves, strict=True):
        axis.plot(log.index, log[name], linewidth=0.5, alpha=0.4)
        axis.plot(means.index, means[name])
        axis.set_title(CURVES[name])
        axis.set_xlabel("step")
        axis.set_ylim(0, log[name].quantile(0.98) * 1.2)
    figure.tight_layout()
    figure.savefig(options.picture, dpi=100)
    if options.wandb is not None:
        write_wandb(means, options.run, options.wandb)


if __name__ == "__main__":
    main()
