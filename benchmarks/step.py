"""Samples per second of the whole training step on a CPU: ours beside a plain loop.

    python benchmarks/step.py --root DIR [--encoders audio_ntt_512 ...] [--batches 4] [--rounds 1]
        [--threads 1]

The plain way is what public BYOL-A code does: each loader worker decodes the whole recording, cuts
the crop and augments that one sample twice; the step is eager, with the default memory layout,
optimizer and allocator, and two forward passes. Ours reads shards, packed from the same recordings
before the clock starts. Both have the same batch and threads; they take turns, each in a process of
its own. "data" leaves the training step out. Plain is float32, ours what `trainer=default` takes.

"limit" is what the convolutions alone reach, forwards and backwards as often as in a step, in
the same precision, layout and process; "of limit" the share of it that the whole step reaches.
On a GPU: benchmarks/accelerator.py.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from itertools import chain, repeat
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from datamodules.audio import fit_length, read_audio
from datamodules.manifest.recordings import Manifest, scan_folder
from datamodules.pretraining import ShardData
from datamodules.shards.packing import pack
from models.augmentations import EPS, Mixup, RandomResizeCrop, TwoViews
from models.byol import BYOL
from models.compute.allocator import keep_freed_memory
from models.compute.devices import AUTO, MIXED, choose_precision
from models.encoders import ENCODERS
from models.frontend import LogMel
from models.pretraining import to_float

WAYS = ("plain", "ours")
WARM_UP = 4
"""Batches, until the heap holds all that a step needs."""


class PerSample(Dataset):
    """One sample at a time, with its augmentation state in the worker."""

    def __init__(self, manifest: Manifest):
        self.manifest, self.log_mel = manifest, LogMel()
        self.memory: deque[torch.Tensor] = deque(maxlen=2048)
        self.sum = self.squares = self.values = 0.0

    def __len__(self) -> int:
        return len(self.manifest.recordings)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        recording = self.manifest.recordings[index]
        waveform, _ = read_audio(self.manifest.root / recording.path)
        start = np.random.randint(max(1, len(waveform) - 15_199))
        clip = torch.from_numpy(fit_length(waveform[start : start + 15_200], 15_200))
        log_mel = self.log_mel(clip[None])[0]
        self.sum += log_mel.sum().item()
        self.squares += log_mel.square().sum().item()
        self.values += log_mel.numel()
        mean = self.sum / self.values
        log_mel = (log_mel - mean) / max(self.squares / self.values - mean**2, 1e-6) ** 0.5
        return self.view(log_mel), self.view(log_mel)

    def view(self, log_mel: torch.Tensor) -> torch.Tensor:
        a, mixed = 0.4 * np.random.rand(), log_mel
        if self.memory:
            past = self.memory[np.random.randint(len(self.memory))]
            mixed = torch.log((1 - a) * log_mel.exp() + a * past.exp() + EPS)
        self.memory.append(log_mel)
        canvas = torch.zeros(1, 64, 144)
        canvas[:, :, 24:120] = mixed
        height = int(np.clip(np.random.uniform(0.6, 1.5) * 64, 1, 64))
        width = int(np.clip(np.random.uniform(0.6, 1.5) * 96, 1, 144))
        i, j = np.random.randint(64 - height + 1), np.random.randint(144 - width + 1)
        box = canvas[None, :, i : i + height, j : j + width]
        return torch.nn.functional.interpolate(
            box, size=(64, 96), mode="bicubic", align_corners=True
        )[0]


def convolution_seconds(encoder: torch.nn.Module, shape: tuple[int, ...], mixed: bool) -> float:
    """Of the encoder's convolutions in a BYOL step: four passes forwards, two backwards."""
    calls: list[tuple[torch.nn.Conv2d, torch.Size]] = []
    hooks = [
        module.register_forward_hook(lambda m, inputs, _: calls.append((m, inputs[0].shape)))
        for module in encoder.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    with torch.no_grad():
        encoder(torch.randn(shape))
    for hook in hooks:
        hook.remove()
    dtype = torch.bfloat16 if mixed else torch.float32
    seconds = 0.0
    for number, (module, size) in enumerate(calls):
        convolution = copy.deepcopy(module).to(dtype)
        x = torch.randn(size).to(dtype).contiguous(memory_format=torch.channels_last)
        x.requires_grad_(number > 0)  # the log-mel has no gradient
        wanted = [*convolution.parameters(), *([x] if number else [])]
        passes = []
        for _ in range(5):
            started = time.perf_counter()
            y = convolution(x)
            middle = time.perf_counter()
            gradient = torch.ones_like(y)
            before = time.perf_counter()
            torch.autograd.grad(y, wanted, gradient)
            passes.append(4 * (middle - started) + 2 * (time.perf_counter() - before))
        seconds += median(passes[1:])
    return seconds


def measure(
    way: str, root: Path, encoder: str, batch: int, batches: int, workers: int, threads: int
) -> dict:
    """Samples per second of one way, without and with the training step."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    mixed = way == "ours" and choose_precision(AUTO, "cpu") == MIXED
    if way == "ours":
        keep_freed_memory()
    architecture, arguments = ENCODERS[encoder]
    byol = BYOL(architecture(**arguments))
    if way == "ours":
        byol = byol.to(memory_format=torch.channels_last)
    parameters = [p for p in byol.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=3e-4, fused=way == "ours")
    frontend, views = LogMel(), TwoViews(Mixup(), RandomResizeCrop())

    def loader() -> DataLoader:
        if way == "plain":
            return DataLoader(
                PerSample(scan_folder(root)),
                batch,
                shuffle=True,
                num_workers=workers,
                drop_last=True,
                persistent_workers=workers > 0,
            )
        data = ShardData(root, batch_size=batch)
        data.setup()
        return data.train_dataloader()

    def two_views(item) -> tuple[torch.Tensor, torch.Tensor]:
        if way == "ours":
            return views(frontend.of_crops(to_float(item["waveform"])))
        both = torch.cat(item)
        return tuple(((both - both.mean()) / both.std()).chunk(2))

    rates = {}
    for name in ("data", "training"):
        done = -WARM_UP
        batches_of = loader()
        for item in chain.from_iterable(repeat(batches_of)):
            pair = two_views(item)
            if name == "training":
                with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                    loss = byol(*pair).loss
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                byol.update_target()
            done += 1
            if done == 0:
                started = time.perf_counter()
            if done == batches:
                break
        rates[name] = batch * batches / (time.perf_counter() - started)
    if way == "ours":
        rates["limit"] = batch / convolution_seconds(byol.encoder, (batch, 1, 64, 96), mixed)
    return rates


def turn(way: str, root: Path, encoder: str, *numbers: int) -> dict:
    command = [sys.executable, __file__, "--turn", way, str(root), encoder, *map(str, numbers)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def main() -> None:
    if sys.argv[1:2] == ["--turn"]:
        way, root, encoder, *numbers = sys.argv[2:]
        print(json.dumps(measure(way, Path(root), encoder, *map(int, numbers))))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="folder tree of recordings")
    parser.add_argument("--encoders", nargs="+", default=list(ENCODERS), choices=ENCODERS)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=4, help="measured, after four of warm-up")
    parser.add_argument("--workers", type=int, default=2, help="of the plain loader")
    parser.add_argument("--rounds", type=int, default=1, help="turns of each way")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    options = parser.parse_args()
    numbers = (options.batch, options.batches, options.workers, options.threads)
    machine = f"{os.cpu_count()} cores, threads {options.threads}"
    precision = choose_precision(AUTO, "cpu")
    print(f"samples/s, batch {options.batch}, {machine}, ours {precision}")
    columns = ("plain", "ours", "ratio", "data: plain", "ours", "ratio", "limit", "of limit")
    print(f"{'median':16}" + "".join(f"{column:>12}" for column in columns))
    with tempfile.TemporaryDirectory() as folder:
        pack(scan_folder(options.root), folder, jobs=2)
        roots = {"plain": options.root, "ours": Path(folder)}
        for encoder in options.encoders:
            rates: dict[str, list[dict]] = {way: [] for way in WAYS}
            for _ in range(options.rounds):
                for way in WAYS:
                    rates[way].append(turn(way, roots[way], encoder, *numbers))
            line = f"{encoder:16}"
            for name in ("training", "data"):
                plain, ours = ([rate[name] for rate in rates[way]] for way in WAYS)
                ratio = median(b / a for a, b in zip(plain, ours, strict=True))
                line += f"{median(plain):12.1f}{median(ours):12.1f}{ratio:12.2f}"
            limits = [rate["limit"] for rate in rates["ours"]]
            share = median(r["training"] / r["limit"] for r in rates["ours"])
            line += f"{median(limits):12.1f}{share:12.0%}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
