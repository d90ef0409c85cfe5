"""Speed of each extractor (seconds of audio per second) and peak memory on a 10-minute recording.

    python benchmarks/extractors.py [--only byol_s_512 opensmile] [--device cpu]

Weights are random where none are at hand, which changes neither speed nor memory: the encoders of
Table 2, transformers models of their usual sizes, and with --saved-models DIR the SavedModels in
DIR/vggish, DIR/yamnet, DIR/trill. Each extractor has a process of its own; memory is its largest
resident set, and what that was before the extractor was loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from models.checkpoint import save_encoder
from models.encoders import ENCODERS, encoder_spec, random_encoder
from serab.extractors.base import Extractor
from serab.extractors.contract import voice

TRANSFORMERS = {
    "wav2vec2_base": "Wav2Vec2",
    "hubert_base": "Hubert",
    "wavlm_base": "WavLM",
    "whisper_base": "Whisper",
}
SAVED_MODELS = ("vggish", "yamnet", "trill")


def encoder(name: str, device: str) -> Extractor:
    from serab.extractors.encoder import RandomExtractor

    return RandomExtractor(name, device=device)


def opensmile(device: str) -> Extractor:
    from serab.extractors.opensmile import OpenSmileExtractor

    return OpenSmileExtractor()


def artefact(folder: str) -> Path:
    model = random_encoder("audio_ntt_512")
    spec = encoder_spec(model.encoder, model.frontend)
    path = Path(folder) / "encoder.safetensors"
    return save_encoder(path, spec, model.encoder.state_dict(), (-9.0, 4.0))


def hear(device: str) -> Extractor:
    from serab.extractors.hear import HearExtractor

    with tempfile.TemporaryDirectory() as folder:
        return HearExtractor("serab.hear", artefact(folder), device=device)


def xares(device: str) -> Extractor:
    from serab.extractors.xares import XaresExtractor

    with tempfile.TemporaryDirectory() as folder:
        name = "serab.xares:SpeechFramesEncoder"
        return XaresExtractor(name, artefact(folder), device=device)


def of_transformers(family: str, device: str) -> Extractor:
    import transformers

    from serab.extractors.transformers import TransformersExtractor

    features = "Whisper" if family == "Whisper" else "Wav2Vec2"
    with tempfile.TemporaryDirectory() as folder:
        config = getattr(transformers, f"{family}Config")()
        if family == "Whisper":  # its default is tiny
            config.update({"d_model": 512, "encoder_layers": 6, "encoder_attention_heads": 8})
            config.update({"decoder_attention_heads": 8, "encoder_ffn_dim": 2048})
        getattr(transformers, f"{family}Model")(config).save_pretrained(folder)
        getattr(transformers, f"{features}FeatureExtractor")().save_pretrained(folder)
        return TransformersExtractor(folder, device=device)


def saved_model(kind: str, folder: Path) -> Extractor:
    from serab.extractors.saved_model import SavedModelExtractor

    return SavedModelExtractor(kind, str(folder / kind))


def makers(device: str, saved_models: Path | None) -> dict[str, Callable[[], Extractor]]:
    found: dict[str, Callable[[], Extractor]] = {
        name: (lambda name=name: encoder(name, device)) for name in ENCODERS
    }
    found |= {f.__name__: (lambda f=f: f(device)) for f in (opensmile, hear, xares)}
    found |= {
        name: (lambda family=family: of_transformers(family, device))
        for name, family in TRANSFORMERS.items()
    }
    if saved_models is not None:
        found |= {
            kind: (lambda kind=kind: saved_model(kind, saved_models)) for kind in SAVED_MODELS
        }
    return found


def megabytes() -> float:
    """Largest resident set so far, of this process and the largest of its children."""
    usages = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(usage).ru_maxrss for usage in usages) / 1024


def measure(make: Callable[[], Extractor], utterances: int, minutes: float) -> dict[str, float]:
    before = megabytes()
    extractor = make()
    rate = extractor.sample_rate
    lengths = np.random.default_rng(0).uniform(1.5, 4.5, utterances)
    waveforms = [voice(seconds, rate, seed) for seed, seconds in enumerate(lengths)]
    if extractor.needs_fit:
        extractor.fit(waveforms[:4])
    size = extractor.batch_size

    def embed() -> None:
        for start in range(0, len(waveforms), size):
            extractor.transform(waveforms[start : start + size])

    extractor.transform(waveforms[: min(size, 4)])  # warm-up
    started = time.perf_counter()
    embed()
    speed = sum(lengths) / (time.perf_counter() - started)
    long = voice(60 * minutes, rate, 0)
    started = time.perf_counter()
    embedding = extractor.transform([long])
    return {
        "D": embedding.shape[1],
        "speed": speed,
        "before": before,
        "peak": megabytes(),
        "long": time.perf_counter() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="*", help="names of the table")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--saved-models", type=Path)
    parser.add_argument("--utterances", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the long recording")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    known = makers(options.device, options.saved_models)
    if options.one:
        print(json.dumps(measure(known[options.one], options.utterances, options.minutes)))
        return
    names = options.only or list(known)
    unknown = sorted(set(names) - set(known))
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}: expected some of {', '.join(known)}")
    print(
        f"{options.device}, {len(os.sched_getaffinity(0))} cores, torch threads "
        f"{torch.get_num_threads()}; {options.utterances} utterances of 1.5-4.5 s, one of "
        f"{options.minutes:g} min"
    )
    print(
        f"{'extractor':16}{'D':>7}{'audio s/s':>11}{'long, s':>9}{'peak MB':>9}{'imports MB':>12}"
    )
    for name in names:
        command = [sys.executable, *sys.argv, "--one", name]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{name:16}failed: {(done.stderr.strip().splitlines() or ['killed'])[-1]}")
            continue
        row = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{name:16}{row['D']:7}{row['speed']:11.1f}{row['long']:9.1f}{row['peak']:9.0f}"
            f"{row['before']:12.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
