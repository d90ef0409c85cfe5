"""Loss of fp32 and of bf16 compiled, of one seed and the same views, as a picture.

    python benchmarks/loss_curves.py --root DIR --out docs/pictures/loss_curves.png [--device cuda]

On two cores about seven minutes with the defaults, of which the compiler takes one. Views are drawn
alike in both; dropout isn't, as the compiler has its own way to draw it, so --dropout is 0 by
default and what is left is rounding. A third curve has another seed: what chance does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import torch
from accelerator import build_module, build_trainer, shards_of
from pytorch_lightning.callbacks import Callback

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from datamodules.pretraining import ShardData
from models.compute.allocator import keep_freed_memory
from models.encoders import ENCODERS

WAYS = {
    "fp32": ("32-true", False, 0),
    "bf16, compiled": ("bf16-mixed", True, 0),
    "fp32, another seed": ("32-true", False, 1),
}
"""Precision, compiled or not, and what is added to the seed."""


class Losses(Callback):
    """Keeps the loss of each step, on the device, until `steps` are done."""

    def __init__(self, steps: int):
        self.steps, self.found = steps, []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.found.append(outputs["loss"].detach().clone())
        if len(self.found) % 20 == 0:
            print(f"  {len(self.found)} steps", flush=True)
        trainer.should_stop = len(self.found) >= self.steps


def curve(way: str, root: Path, options: argparse.Namespace) -> np.ndarray:
    precision, compiled, other = WAYS[way]
    device = torch.device(options.device)
    torch.manual_seed(options.seed + other)
    module = build_module(options.encoder, compiled)
    for layer in module.byol.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = options.dropout
    module.seed = options.seed + other
    module.norm_epochs = 10**9  # one graph: freezing the norm compiles another
    losses = Losses(options.steps)
    data = ShardData(
        root, seconds_per_crop=1.0, batch_size=options.batch, seed=options.seed + other
    )
    build_trainer(device, precision, losses).fit(module, data)
    return torch.stack(losses.found[: options.steps]).float().cpu().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="shards or recordings")
    parser.add_argument("--out", type=Path, required=True, help="PNG file")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--encoder", default="audio_ntt_512", choices=ENCODERS)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    keep_freed_memory()
    curves = {}
    with shards_of(options.root) as root:
        for way in WAYS:
            print(way, flush=True)
            curves[way] = curve(way, root, options)
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    window = max(1, options.steps // 30)
    for way, losses in curves.items():
        smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
        (line,) = axes.plot(np.arange(len(smooth)) + window, smooth, label=way)
        axes.plot(np.arange(len(losses)) + 1, losses, color=line.get_color(), alpha=0.2)
    axes.set(
        xlabel="step", ylabel="loss",
        title=f"{options.encoder}, batch {options.batch}, seed {options.seed}, {options.device}",
    )  # fmt: skip
    axes.legend()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=100)
    tenth = max(1, options.steps // 10)
    last = {way: losses[-tenth:].mean() for way, losses in curves.items()}
    told = ", ".join(f"{way} {loss:.4f}" for way, loss in last.items())
    print(f"mean loss of the last {tenth} steps: {told}")
    first = abs(curves["fp32"][:10] - curves["bf16, compiled"][:10]).max()
    print(f"largest difference in the first 10 steps: {first:.4f}; written: {options.out}")


if __name__ == "__main__":
    main()
