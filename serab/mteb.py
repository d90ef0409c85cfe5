"""Our encoders as models of mteb, so that they run in MAEB.

    import mteb
    from serab.mteb import load_model

    model = load_model("speech_512")  # or a run directory, a file, a name of official weights
    mteb.evaluate(model, mteb.get_tasks(tasks=["CREMA_D"]))

An embedding is `serab.hear`'s: of its recording and the weights alone, so nothing is fitted to a
task. For mteb's models on our tasks see `serab.extractors.mteb`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.modality_collators import AudioCollator
from mteb.models.model_meta import ModelMeta
from tqdm import tqdm

from serab.extractors.base import Extractor
from serab.extractors.hear import HearExtractor

ORGANISATION = "serab-byols"


class MtebEncoder(AbsEncoder):
    """An extractor behind mteb's interface of encoders.

    Args:
        extractor: one that needs no fitting, with one embedding a recording.
        name: of the model in mteb's results, "organisation/name".

    Raises:
        ValueError: an extractor that is fitted to a corpus, or has several layers.
    """

    def __init__(self, extractor: Extractor, name: str | None = None):
        if extractor.needs_fit or extractor.layers:
            reason = "is fitted to a corpus" if extractor.needs_fit else "gives several layers"
            raise ValueError(
                f"{extractor.name}: {reason}, which mteb has no place for; use "
                "serab.mteb.load_model for our encoders, or one layer."
            )
        self.model = extractor
        self.mteb_model_meta = _model_meta(extractor, name or f"{ORGANISATION}/{extractor.name}")

    def encode(self, inputs: Any, **kwargs: Any) -> np.ndarray:
        """Embeddings, float32 (N, D), of a loader of recordings; further arguments are unused.

        Raises:
            ValueError: inputs that aren't audio.
        """
        if "audio" not in inputs.dataset.features:
            raise ValueError(
                f"{self.model.name}: embeds audio; the task gives "
                f"{', '.join(inputs.dataset.features)}."
            )
        inputs.collate_fn = AudioCollator(target_sampling_rate=self.model.sample_rate)
        hidden = None if kwargs.get("show_progress_bar", True) else True
        embeddings = [
            self.model.transform([_waveform(audio["array"])])
            for batch in tqdm(inputs, disable=hidden)
            for audio in batch["audio"]
        ]
        return np.concatenate(embeddings)


def load_model(weights: str | Path, name: str | None = None, device: str = "auto") -> MtebEncoder:
    """An encoder of ours for `mteb.evaluate`.

    Args:
        weights: whatever `models.checkpoint.load_encoder` reads.
        name: for mteb's results; of the file by default.
        device: "auto" takes a GPU where there is one.

    Raises:
        ValueError: nothing to load there.
    """
    title = name or Path(weights).stem
    extractor = HearExtractor("serab.hear", weights, title, device)
    return MtebEncoder(extractor, f"{ORGANISATION}/{title}")


def _waveform(samples: np.ndarray) -> np.ndarray:
    """float32 (samples,); stereo is averaged."""
    waveform = np.array(samples, dtype=np.float32)  # a copy: what mteb gives may be read-only
    return waveform.mean(axis=0) if waveform.ndim > 1 else waveform


def _model_meta(extractor: Extractor, name: str) -> ModelMeta:
    """What mteb keeps beside results; the revision is of the extractor's fingerprint."""
    revision = hashlib.sha256(extractor.fingerprint.encode()).hexdigest()[:40]
    return ModelMeta.create_empty().model_copy(
        update={
            "name": name,
            "revision": revision,
            "modalities": ["audio"],
            "framework": ["PyTorch"],
            "embed_dim": getattr(extractor, "width", None),
            "use_instructions": False,
        }
    )
