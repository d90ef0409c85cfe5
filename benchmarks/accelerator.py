"""The whole training step as train.py runs it, from shards: rate, share of the peak, what it costs.

    python benchmarks/accelerator.py --root SHARDS                       one GPU, all encoders
    python benchmarks/accelerator.py --device cpu --root DIR --steps 4   the same path, slowly

One command, about a minute an encoder on a GPU (the compiler needs most of it). --root is a folder
of shards, or of recordings, which are packed into a temporary folder first. For each encoder:
samples/s of Lightning's loop, data to optimizer; FLOPs of a sample times that over the peak of a
large bf16 matrix product measured here; the share of time the loop waited for data; the most memory
in use; and the five operators of the profile that cost most.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from datamodules.manifest.recordings import scan_folder
from datamodules.pretraining import ShardData
from datamodules.shards.packing import pack
from models.augmentations import Mixup, RandomResizeCrop, TwoViews
from models.byol import BYOL
from models.compute.allocator import keep_freed_memory
from models.encoders import ENCODERS
from models.frontend import LogMel
from models.pretraining import BYOLPretraining

GOAL = {"audio_ntt_2048": 40_000}
"""Samples/s end to end that one H200 should reach."""


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_flops(device: torch.device, seconds: float = 2.0) -> float:
    """FLOP/s of the best bf16 matrix product found on the device."""
    best = 0.0
    for size in (4096, 8192, 16_384) if device.type == "cuda" else (1024, 2048):
        a, b = torch.randn(2, size, size, device=device, dtype=torch.bfloat16)
        for _ in range(3):
            a @ b
        wait(device)
        started, times = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            for _ in range(5):
                a @ b
            wait(device)
            times += 5
        best = max(best, 2 * size**3 * times / (time.perf_counter() - started))
    return best


def sample_flops(encoder: str, samples: int = 4) -> float:
    """FLOPs of a sample's step, forward and backward, front end and optimizer left out."""
    architecture, arguments = ENCODERS[encoder]
    byol = BYOL(architecture(**arguments))
    v, v2 = torch.randn(2, samples, 1, 64, 96)
    with FlopCounterMode(display=False) as counter:
        byol(v, v2).loss.backward()
    return counter.get_total_flops() / samples


class Measure(Callback):
    """Times all steps after `warm_up`, then profiles some more."""

    def __init__(self, warm_up: int, steps: int, profiled: int):
        self.warm_up, self.steps, self.profiled = warm_up, steps, profiled
        self.samples, self.waited, self.step = 0, 0.0, 0
        self.profiler: profile | None = None
        self.seconds = 0.0

    @property
    def measuring(self) -> bool:
        return self.warm_up < self.step <= self.warm_up + self.steps

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.step += 1
        if self.measuring and self.step > self.warm_up + 1:
            self.waited += time.perf_counter() - self.ended

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        device = pl_module.device
        if self.measuring:
            self.samples += len(batch["waveform"])
        if self.step == self.warm_up:
            wait(device)
            self.started = time.perf_counter()
        elif self.step == self.warm_up + self.steps:
            wait(device)
            self.seconds = time.perf_counter() - self.started
            activities = [ProfilerActivity.CPU]
            if device.type == "cuda":
                activities.append(ProfilerActivity.CUDA)
            self.profiler = profile(activities=activities, acc_events=True)
            self.profiler.start()
        elif self.step == self.warm_up + self.steps + self.profiled:
            wait(device)
            self.profiler.stop()
            trainer.should_stop = True
        self.ended = time.perf_counter()

    def top(self, device: torch.device, entries: int = 5) -> list[tuple[str, float]]:
        """The operators that cost most, with their milliseconds a step."""
        key = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
        events = self.profiler.key_averages()
        if device.type == "cuda":  # kernels; an operator has the time of its kernels once more
            events = [e for e in events if str(e.device_type).endswith("CUDA")]
        costs = sorted(((getattr(e, key), e.key) for e in events), reverse=True)
        return [(name, cost / 1000 / self.profiled) for cost, name in costs[:entries]]


def build_module(encoder: str, compile: bool | str) -> BYOLPretraining:
    """The paper's recipe, as conf/train.yaml has it."""
    architecture, arguments = ENCODERS[encoder]
    return BYOLPretraining(
        architecture(**arguments),
        LogMel(),
        TwoViews(Mixup(), RandomResizeCrop()),
        partial(torch.optim.AdamW, lr=3e-4, fused=True),
        compile=compile,
    )


def build_trainer(device: torch.device, precision: str, callback: Callback) -> Trainer:
    """As conf/trainer/gpu.yaml has it, without files."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    return Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision=precision,
        max_epochs=-1,
        callbacks=[callback],
        logger=False,
        log_every_n_steps=50,
        benchmark=device.type == "cuda",
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )


@contextmanager
def shards_of(root: Path) -> Iterator[Path]:
    """`root`, or shards of the recordings below it."""
    if list(root.glob("*.i16")):
        yield root
        return
    with tempfile.TemporaryDirectory() as folder:
        pack(scan_folder(root), folder)
        yield Path(folder)


def measure(encoder: str, root: Path, device: torch.device, options: argparse.Namespace) -> dict:
    """One encoder, through the trainer."""
    torch.manual_seed(0)
    torch._dynamo.reset()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    compiled = {"true": True, "false": False}.get(options.compile, options.compile)
    module = build_module(encoder, compiled)
    module.norm_epochs = 0  # frozen, as in most of a run: else a small corpus compiles anew midway
    data = ShardData(root, batch_size=options.batch, seconds_per_crop=options.seconds_per_crop)
    clock = Measure(options.warm_up, options.steps, options.profiled)
    trainer = build_trainer(device, options.precision, clock)
    trainer.fit(module, data)
    memory = torch.cuda.max_memory_allocated() if device.type == "cuda" else _resident()
    return {
        "encoder": encoder,
        "samples_per_second": clock.samples / clock.seconds,
        "milliseconds_per_step": 1000 * clock.seconds / clock.steps,
        "data_wait": clock.waited / clock.seconds,
        "memory_gb": memory / 1e9,
        "top": clock.top(device),
    }


def _resident() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="shards or recordings")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--encoders", nargs="+", default=list(ENCODERS), choices=ENCODERS)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=300, help="measured")
    parser.add_argument("--warm-up", type=int, help="before them; by default 30, or 2 on a CPU")
    parser.add_argument("--profiled", type=int, help="after them; by default 20, or 2 on a CPU")
    parser.add_argument("--precision", default="bf16-mixed", help="Lightning's trainer.precision")
    parser.add_argument("--compile", default="auto", help="module.compile")
    parser.add_argument(
        "--seconds-per-crop",
        type=float,
        default=0.1,
        help="small: epochs as long as a large corpus has",
    )
    parser.add_argument("--out", type=Path, help="JSON lines of all that is measured")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("error: --device cuda: no GPU that torch can use here; --device cpu runs without.")
    device = torch.device(options.device)
    on_gpu = device.type == "cuda"
    options.warm_up = options.warm_up or (30 if on_gpu else 2)
    options.profiled = options.profiled or (20 if on_gpu else 2)
    keep_freed_memory()
    with shards_of(options.root) as root:
        report(root, device, options)


def report(root: Path, device: torch.device, options: argparse.Namespace) -> None:
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    peak = peak_flops(device)
    print(
        f"{name}: {peak / 1e12:.3g} TFLOP/s in a bf16 matrix product; batch {options.batch}, ",
        end="",
    )
    print(f"{options.precision}, compile {options.compile}, torch {torch.__version__}")
    columns = ("samples/s", "ms/step", "of peak", "data wait", "GB")
    print(f"{'':16}" + "".join(f"{column:>11}" for column in columns))
    for encoder in options.encoders:
        found = measure(encoder, root, device, options)
        found["share_of_peak"] = found["samples_per_second"] * sample_flops(encoder) / peak
        found |= {"device": name, "peak_flops": peak, "batch": options.batch}
        goal = GOAL.get(encoder) if device.type == "cuda" else None
        print(
            f"{encoder:16}{found['samples_per_second']:11,.0f}"
            f"{found['milliseconds_per_step']:11.1f}{found['share_of_peak']:11.1%}"
            f"{found['data_wait']:11.1%}{found['memory_gb']:11.2f}"
            + (f"   goal {goal:,}" if goal else ""),
            flush=True,
        )
        for operator, milliseconds in found["top"]:
            print(f"    {milliseconds:8.2f} ms/step  {operator[:80]}")
        if options.out:
            with options.out.open("a") as file:
                file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
