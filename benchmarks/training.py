"""Pre-training samples per second: our batched path beside a plain per-sample loop.

    python benchmarks/training.py --root DIR [--encoder audio_ntt_512] [--batches 8] [--rounds 3]

The plain way is what public BYOL-A code does: each loader worker decodes the whole recording, cuts
the crop and augments that one sample twice; the step is eager, with the default memory layout and
allocator. Both ways have the same workers, batch and threads; they take turns, each in a process
of its own. "data" leaves the training step out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from datamodules.audio import fit_length, read_audio
from datamodules.crops import Crops, EpochBatches, ResumableLoader
from datamodules.manifest import Manifest, scan_folder
from models.allocator import keep_freed_memory
from models.augmentations import EPS, Mixup, RandomResizeCrop, TwoViews
from models.byol import BYOL
from models.encoders import ENCODERS
from models.frontend import LogMel

WAYS = ("plain", "ours")


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


def measure(way: str, root: Path, encoder: str, batch: int, batches: int, workers: int) -> dict:
    """Samples per second of one way, without and with the training step."""
    torch.manual_seed(0)
    if way == "ours":
        keep_freed_memory()
    architecture, arguments = ENCODERS[encoder]
    byol = BYOL(architecture(**arguments))
    if way == "ours":
        byol = byol.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW([p for p in byol.parameters() if p.requires_grad], lr=3e-4)
    manifest = scan_folder(root)
    frontend, views = LogMel(), TwoViews(Mixup(), RandomResizeCrop())

    def loader() -> DataLoader:
        if way == "plain":
            return DataLoader(
                PerSample(manifest), batch, shuffle=True, num_workers=workers, drop_last=True
            )
        crops = Crops(manifest, 0.95)
        sampler = EpochBatches(len(crops), batch, seed=42)
        return ResumableLoader(crops, batch_sampler=sampler, num_workers=workers)

    def two_views(item) -> tuple[torch.Tensor, torch.Tensor]:
        if way == "ours":
            return views(frontend(item["waveform"]))
        both = torch.cat(item)
        return tuple(((both - both.mean()) / both.std()).chunk(2))

    rates = {}
    for name in ("data", "training"):
        iterator, done = iter(loader()), -2  # two batches of warm-up
        for item in iterator:
            pair = two_views(item)
            if name == "training":
                byol(*pair).loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                byol.update_target()
            done += 1
            if done == 0:
                started = time.perf_counter()
            if done == batches:
                break
        rates[name] = batch * batches / (time.perf_counter() - started)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="folder tree of recordings")
    parser.add_argument("--encoder", default="audio_ntt_512", choices=ENCODERS)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        arguments = (options.encoder, options.batch, options.batches, options.workers)
        print(json.dumps(measure(options.way, options.root, *arguments)))
        return
    rates: dict[str, list[dict]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in WAYS:
            command = [sys.executable, *sys.argv, "--way", way]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rates[way].append(json.loads(output.splitlines()[-1]))
    print(
        f"{options.encoder}, batch {options.batch}, {options.workers} workers, "
        f"{os.cpu_count()} cores"
    )
    print(f"{'samples/s (median)':20}{'plain':>10}{'ours':>10}{'ratio':>8}{'ratios':>20}")
    for name in ("data", "training"):
        plain, ours = ([rate[name] for rate in rates[way]] for way in WAYS)
        ratios = [b / a for a, b in zip(plain, ours, strict=True)]
        shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{name:20}{median(plain):10.1f}{median(ours):10.1f}{median(ratios):8.2f}{shown:>20}")


if __name__ == "__main__":
    main()
