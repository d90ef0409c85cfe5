"""Extraction of a corpus: one utterance after the other, and as `serab.embed.corpus` does it.

    python benchmarks/extraction.py [--encoder audio_ntt_512] [--task EMB] [--rate 48000]

Plain: each recording is read, resampled by resampy, its log-mel normalised by statistics of a pass
over the training part, and embedded at batch 1 with all torch threads. Ours: nothing cached.
--rate writes copies of the recordings at another rate first, since that is what most corpora have.
Rounds are interleaved; every round is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from datamodules.audio import read_audio, resample
from serab.embed import resampling
from serab.embed.cache import Cache
from serab.embed.corpus import embed_corpus
from serab.extractors.encoder import RandomExtractor
from serab.index import CorpusIndex, load_index
from serab.protocol import PUBLISHED
from serab.splits import split


def plain(extractor: RandomExtractor, index: CorpusIndex, train: np.ndarray) -> np.ndarray:
    import resampy
    from scipy.signal.windows import kaiser

    extractor.model.eval()

    def log_mel(position: int) -> torch.Tensor:
        waveform, rate = read_audio(index.audio(index.utterances[position]))
        waveform = (waveform.astype(np.float64) * (32768 / 32767)).astype(np.float32)
        if rate != extractor.sample_rate:
            waveform = resampy.resample(
                waveform,
                rate,
                extractor.sample_rate,
                filter="sinc_window",
                num_zeros=resampling.ZEROS,
                precision=9,
                rolloff=resampling.ROLLOFF,
                window=partial(kaiser, beta=resampling.BETA),
            )
        return extractor.model.log_mel(torch.from_numpy(waveform)[None])

    with torch.no_grad():
        statistics = [torch.std_mean(log_mel(position)) for position in train]
        std, mean = (float(np.mean([s[i] for s in statistics])) for i in (0, 1))
        embeddings = [
            extractor.model.encode((log_mel(position) - mean) / std)[0].numpy()
            for position in range(len(index.utterances))
        ]
    return np.stack(embeddings)


def ours(extractor: RandomExtractor, index: CorpusIndex, train: np.ndarray) -> np.ndarray:
    return embed_corpus(extractor, index, train, np.arange(len(index.utterances)), Cache(None))


WAYS: dict[str, Callable] = {"plain": plain, "ours": ours}


def at_rate(index: CorpusIndex, rate: int, folder: Path) -> CorpusIndex:
    """The corpus with its recordings written at another rate, 16 bits."""
    import soundfile

    utterances = []
    for utterance in index.utterances:
        waveform, source = read_audio(index.audio(utterance))
        path = folder / f"{utterance.id}.wav"
        resampled = np.clip(resample(waveform, source, rate), -1, 1)
        soundfile.write(path, resampled, rate, "PCM_16")
        utterances.append(replace(utterance, path=path.name))
    return replace(index, root=folder, utterances=tuple(utterances))


def one(way: str, encoder: str, task: str, folder: str | None, save: str) -> None:
    index = load_index(task)
    train = split(index, PUBLISHED, 0).train
    if folder:
        names = {u.id: f"{u.id}.wav" for u in index.utterances}
        utterances = tuple(replace(u, path=names[u.id]) for u in index.utterances)
        index = replace(index, root=Path(folder), utterances=utterances)
    extractor = RandomExtractor(encoder, device="cpu")
    WAYS[way](extractor, replace(index, utterances=index.utterances[:8]), np.arange(4))  # warm-up
    extractor = RandomExtractor(encoder, device="cpu")
    started = time.perf_counter()
    embeddings = WAYS[way](extractor, index, train)
    seconds = time.perf_counter() - started
    np.save(save, embeddings)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    audio = sum(u.seconds for u in index.utterances)
    print(json.dumps({"seconds": seconds, "audio": audio, "megabytes": usage.ru_maxrss / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--encoder", default="audio_ntt_512")
    parser.add_argument("--task", default="EMB")
    parser.add_argument("--rate", type=int, help="Hz of the recordings; default: as they are")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, folder, save = options.one
        one(way, options.encoder, options.task, folder or None, save)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = ""
        if options.rate:
            folder = f"{scratch}/audio"
            Path(folder).mkdir()
            at_rate(load_index(options.task), options.rate, Path(folder))
        ratios = []
        for _ in range(options.rounds):
            rows = {}
            for way in WAYS:
                save = f"{scratch}/{way}.npy"
                command = [sys.executable, *sys.argv, "--one", way, folder, save]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr)
                rows[way] = json.loads(done.stdout.splitlines()[-1])
                row = rows[way]
                print(
                    f"{way:6}{row['seconds']:8.2f} s {row['audio'] / row['seconds']:8.0f} s of "
                    f"audio a second {row['megabytes']:7.0f} MB",
                    flush=True,
                )
            ratios.append(rows["plain"]["seconds"] / rows["ours"]["seconds"])
            one_by_one, together = (np.load(f"{scratch}/{way}.npy") for way in WAYS)
        print(f"ratio {np.median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in ratios)})")
        print(f"largest difference {np.abs(one_by_one - together).max():.1e}")


if __name__ == "__main__":
    main()
