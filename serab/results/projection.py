"""What a report's maps are drawn from: the leading principal components of a task's embeddings."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np

from datamodules.files import write_whole
from serab.cache_folder import MAPS, cache_root
from serab.index import CorpusIndex
from serab.splits import Split

FOLDER = "projections"
COMPONENTS = 50
MAP_UTTERANCES = 3_000
"""A map of more is a random sample of as many: more points would only cover each other."""


@dataclass(frozen=True)
class Projection:
    """Components (N, 50 or fewer), and (N,) emotions and true speakers."""

    task: str
    components: np.ndarray
    emotions: np.ndarray
    speakers: np.ndarray

    @cached_property
    def rows(self) -> np.ndarray:
        """The M positions that are on the map, always the same."""
        random = np.random.default_rng(0)
        return np.sort(random.permutation(len(self.components))[:MAP_UTTERANCES])

    def map(self) -> np.ndarray:
        """t-SNE coordinates float32 (M, 2) of `rows`, always the same.

        They take seconds, so where there is a cache (`cache_root()`) they are kept in it.
        """
        shown = self.components[self.rows]
        digest = hashlib.sha256(np.ascontiguousarray(shown).tobytes())
        digest.update(f"{shown.shape} t-SNE {version('scikit-learn')}".encode())
        path = cache_root() / MAPS / f"{digest.hexdigest()}.npy"
        with suppress(OSError, ValueError, EOFError):  # not there, or damaged
            kept = np.load(path, allow_pickle=False)
            if kept.shape == (len(shown), 2) and np.isfinite(kept).all():
                return kept
        coordinates = _tsne(shown)
        if cache_root().is_dir():
            content = io.BytesIO()
            np.save(content, coordinates)
            with suppress(OSError):  # a read-only cache
                write_whole(path, content.getvalue())
        return coordinates


def _tsne(components: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE  # a report without maps should not wait for it
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(components) - 1) / 3)
    with threadpool_limits(1):  # the same map on any number of processors
        return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(components)


def save_projection(
    run_dir: Path, index: CorpusIndex, embeddings: np.ndarray, order: np.ndarray, parts: Split
) -> Path:
    """Write RUN_DIR/projections/TASK.PROTOCOL.npz: (N, D) `embeddings`, standardised, as PCA."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    standard = StandardScaler().fit_transform(embeddings.astype(np.float64))
    pca = PCA(min(COMPONENTS, *standard.shape), svd_solver="randomized", random_state=0)
    with threadpool_limits(1):  # many small products, for which threads only wait
        projected = pca.fit_transform(standard).astype(np.float32)
    utterances = [index.utterances[i] for i in order]
    content = io.BytesIO()
    np.savez_compressed(
        content,
        components=projected,
        emotions=np.array([u.emotion for u in utterances]),
        speakers=np.array([u.speaker for u in utterances]),
    )
    return write_whole(_path(run_dir, index.code, parts.protocol.name), content.getvalue())


def load_projection(run_dir: Path, task: str, protocol: str) -> Projection | None:
    """What `save_projection` wrote, or None where there is none.

    Raises:
        ValueError: it is damaged; one sentence.
    """
    path = _path(run_dir, task, protocol)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = [file[name] for name in ("components", "emotions", "speakers")]
        components, emotions, speakers = arrays
        texts = emotions.dtype.kind == speakers.dtype.kind == "U"
        matrix = components.ndim == 2 and components.dtype == np.float32
        if not texts or not matrix or not np.isfinite(components).all():
            raise ValueError("other arrays than a projection's")
        if not emotions.shape == speakers.shape == components.shape[:1]:
            raise ValueError("arrays of different lengths")
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever numpy's and zip's parsers raise
        raise ValueError(
            f"{path}: can't be read ({type(error).__name__}); copy it again, or remove it, and the "
            "report has no map of it."
        ) from error
    return Projection(task, components, emotions, speakers)


def _path(run_dir: Path, task: str, protocol: str) -> Path:
    return run_dir / FOLDER / f"{task}.{protocol}.npz"
