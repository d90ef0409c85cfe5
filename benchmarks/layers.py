"""All layers of a model in one pass over a corpus, and one pass a layer: seconds, memory, values.

    python benchmarks/layers.py [--task EMB] [--utterances 60] [--layers 12] [--width 256]

The model is a HuBERT with random weights, of HuBERT base's layout and half its convolutions' width,
saved and loaded as a real one is. Nothing is cached before. Rounds are interleaved; every round is
a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
import transformers

from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.embed.layers import EmbeddedLayers
from serab.extractors.transformers import TransformersExtractor
from serab.index import load_index

WAYS = ("one pass", "a pass a layer")


def save_model(folder: Path, layers: int, width: int) -> None:
    torch.manual_seed(0)
    config = transformers.HubertConfig(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=4 * width,
        conv_dim=(256,) * 7,
    )
    transformers.HubertModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)


def run_once(way: str, folder: Path, task: str, utterances: int) -> None:
    index = load_index(task)
    index = replace(index, utterances=index.utterances[:utterances])
    train, positions = np.arange(4), np.arange(len(index.utterances))
    extractor = TransformersExtractor(str(folder), "all", device="cpu")
    extractor.transform([np.zeros(16_000, np.float32)])
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        if way == WAYS[0]:
            embedded = EmbeddedLayers(extractor, index, train, positions, Cache(Path(cache)))
            found = [embedded.at(layer).sum(axis=0) for layer in extractor.layers]
        else:
            found = [
                embed_corpus(
                    extractor.at_layer(layer), index, train, positions, Cache(Path(cache))
                ).sum(axis=0)
                for layer in extractor.layers
            ]
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    values = np.stack(found).tolist()
    print(json.dumps({"seconds": seconds, "above": (peak - loaded) / 1024, "values": values}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="EMB")
    parser.add_argument("--utterances", type=int, default=60)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--once", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        return run_once(options.once, options.model, options.task, options.utterances)
    found: dict[str, list[dict]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder), options.layers, options.width)
        for _ in range(options.rounds):
            for way in WAYS:
                command = [sys.executable, __file__, *sys.argv[1:], "--once", way]
                done = subprocess.run(
                    [*command, "--model", folder], capture_output=True, text=True, check=True
                )
                found[way].append(json.loads(done.stdout.splitlines()[-1]))
    for way, rounds in found.items():
        best = min(rounds, key=lambda one: one["seconds"])
        above = max(one["above"] for one in rounds)
        print(f"{way:15} {best['seconds']:7.1f} s, {above:6.0f} MB above the loaded model")
    first, second = (np.array(found[way][0]["values"]) for way in WAYS)
    print(f"means differ by {np.abs(first - second).max() / options.utterances:.1e} at most")


if __name__ == "__main__":
    main()
