"""onnxruntime beside torch on a CPU, for every encoder: the same recordings in turn.

OMP_NUM_THREADS=1 python benchmarks/onnx_speed.py [--seconds 0.95 3 10] [--batch 1] [--brief]
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import onnxruntime

from models.encoders import ENCODERS, random_encoder
from models.inference import for_inference
from models.onnx.export import export_onnx

NORM = (-8.0, 5.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.95, 3.0, 10.0])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--brief", action="store_true", help="two encoders, a few rounds")
    said = parser.parse_args()
    names, rounds = (["audio_ntt_512", "cvt_small"], 5) if said.brief else (list(ENCODERS), 20)
    threads = torch.get_num_threads()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    print(f"batch {said.batch}, {threads} threads, median of {rounds} rounds")
    print(f"{'encoder':15} {'s':>5} {'torch ms':>9} {'rearr. ms':>9} {'onnx ms':>8} difference")
    for name in names:
        eager = random_encoder(name)
        rearranged = random_encoder(name)
        rearranged.encoder = for_inference(rearranged.encoder)
        with tempfile.TemporaryDirectory() as folder:
            export_onnx(eager, Path(folder) / "encoder.onnx", NORM)
            session = onnxruntime.InferenceSession(Path(folder) / "encoder.onnx", options)
        for seconds in said.seconds:
            waveform = 0.1 * torch.randn(said.batch, round(16_000 * seconds))
            ways = {
                "torch": lambda w=waveform, e=eager: e.embed(w, 16_000, NORM).numpy(),
                "rearranged": lambda w=waveform, e=rearranged: e.embed(w, 16_000, NORM).numpy(),
                "onnx": lambda w=waveform, s=session: s.run(None, {"waveform": w.numpy()})[0],
            }
            results = {way: run() for way, run in ways.items()}  # and warm
            times = {way: [] for way in ways}
            for _ in range(rounds):
                for way, run in ways.items():
                    start = time.perf_counter()
                    run()
                    times[way].append(1e3 * (time.perf_counter() - start))
            off = np.abs(results["onnx"] - results["torch"]).max() / np.abs(results["torch"]).max()
            ms = [statistics.median(times[way]) for way in ways]
            print(f"{name:15} {seconds:5} {ms[0]:9.1f} {ms[1]:9.1f} {ms[2]:8.1f} {off:.0e}")


if __name__ == "__main__":
    main()
