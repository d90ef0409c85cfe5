"""Any audio model of mteb (MAEB) as an extractor, so that it runs on SERAB's tasks and protocols.

One recording at a time: some of mteb's wrappers pad a batch, and an embedding must not depend on
its batch-mates. mteb resamples as it does in MAEB; recordings come to it with 16 kHz.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from datamodules.audio import fit_length
from serab.extractors.base import Extractor
from serab.extractors.loading import digest_weights, one_sentence, torch_device

SAMPLE_RATE = 16_000


class MtebExtractor(Extractor):
    """The embeddings that a model of mteb gives.

    Args:
        model: its name in mteb, such as "facebook/wav2vec2-base", or a loaded model of mteb's.
        name: for tables; the last part of the model's by default.
        device: "auto" takes a GPU where there is one.
        min_seconds: shorter utterances are padded with zeros to that length.
        trust_remote_code: whether mteb's loader may run code that lies in the model's repository,
            on this machine and with your rights.

    Raises:
        ValueError: mteb is missing, a name that it doesn't know, no audio model, no pinned
            revision, or a loader that may run a repository's code without `trust_remote_code`.
    """

    def __init__(
        self,
        model: Any,
        name: str | None = None,
        device: str = "auto",
        min_seconds: float = 0.1,
        trust_remote_code: bool = False,
    ):
        self._mteb = _import_mteb()
        if isinstance(model, str):
            model = self._load(model, torch_device(device), trust_remote_code)
        meta = model.mteb_model_meta
        self._model, self._task = model, _task_metadata()
        self.sample_rate = SAMPLE_RATE
        self.min_samples = round(min_seconds * SAMPLE_RATE)
        self.name = name or re.sub(r"[^\w.+-]", "_", str(meta.name).split("/")[-1])
        network = getattr(model, "model", None)
        weights = digest_weights(network) if isinstance(network, torch.nn.Module) else "unread"
        packages = [f"{package} {version(package)}" for package in ("mteb", "transformers")]
        self.fingerprint = " ".join(
            [str(meta.name), str(meta.revision), weights, f"{min_seconds:g} s", *packages]
        )

    @torch.no_grad()
    def transform(self, waveforms: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate([self._embed(waveform) for waveform in waveforms])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        import datasets

        samples = fit_length(waveform, max(len(waveform), self.min_samples))
        audio = {"array": samples, "sampling_rate": SAMPLE_RATE}
        recording = datasets.Dataset.from_dict({"audio": [audio]}).with_format("numpy")
        with one_sentence(self.name, len(samples)):
            embedding = self._model.encode(
                DataLoader(recording, batch_size=1, collate_fn=_collate),
                task_metadata=self._task,
                hf_split="test",
                hf_subset="default",
                batch_size=1,
                show_progress_bar=False,
            )
        if isinstance(embedding, torch.Tensor):
            embedding = embedding.detach().float().cpu().numpy()
        embedding = np.asarray(embedding, dtype=np.float32)
        if embedding.ndim != 2 or len(embedding) != 1:
            raise ValueError(
                f"{self.name}: encode gave {embedding.shape} for one recording; mteb says (1, D)."
            )
        return embedding

    def _load(self, name: str, device: str, trust_remote_code: bool) -> Any:
        setting = f"extractor.model={name}"
        try:
            meta = self._mteb.get_model_meta(name)
        except (KeyError, ValueError) as error:
            reason = str(error.args[0] if error.args else error).splitlines()[0].rstrip(".")
            raise ValueError(
                f"{setting}: mteb {version('mteb')} doesn't know it ({reason}); give a model of "
                "mteb, or use extractor=transformers for one of the Hub."
            ) from error
        if "audio" not in meta.modalities or meta.loader is None:
            raise ValueError(
                f"{setting}: is no audio model that mteb can load (it takes "
                f"{', '.join(meta.modalities)}); give one of MAEB."
            )
        if meta.revision is None:
            raise ValueError(
                f"{setting}: mteb pins no revision of it; give a model that is pinned."
            )
        if not trust_remote_code and _may_run_remote_code(meta):
            raise ValueError(
                f"{setting}: mteb's loader of it may run code from the model's repository, on this "
                f"machine and with your rights (revision {meta.revision}); if you trust it, add "
                "extractor.trust_remote_code=true."
            )
        try:
            return meta.load_model(device=device)
        except (ImportError, OSError, RuntimeError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"{setting}: can't be loaded ({reason}); check the network, and install what mteb "
                "asks for."
            ) from error


def _collate(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Lists, as mteb's own; most of its models put a collator of theirs in place of it."""
    return {"audio": [row["audio"] for row in rows]}


def _may_run_remote_code(meta: Any) -> bool:
    """Whether a model's loader, or the file of mteb that it is in, trusts remote code."""
    loader = getattr(meta.loader, "func", meta.loader)
    source = inspect.getsource(sys.modules[loader.__module__])
    named = re.search(r"trust_remote_code[\"']?\s*[=:]\s*True", source)
    return bool(named or (meta.loader_kwargs or {}).get("trust_remote_code"))


def _task_metadata() -> Any:
    """What `encode` is told of the task; models take a prompt from it, where they have one."""
    from mteb.abstasks.task_metadata import TaskMetadata

    return TaskMetadata(
        name="SERAB",
        description="Emotions of speech, of speakers that weren't trained on.",
        type="AudioClassification",
        category="a2c",
        modalities=["audio"],
        eval_langs=["eng-Latn"],
        main_score="accuracy",
        dataset={"path": "local", "revision": "local"},
    )


def _import_mteb() -> ModuleType:
    try:
        import datasets  # noqa: F401
        import mteb
    except ImportError as error:
        raise ValueError(
            f"extractor=mteb needs the mteb package ({error}); run pip install mteb==2.26.24."
        ) from error
    return mteb
