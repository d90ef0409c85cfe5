"""emotion2vec, read from its published checkpoints: its network, its files, its embeddings."""

from serab.extractors.emotion2vec.extractor import Emotion2vecExtractor

__all__ = ["Emotion2vecExtractor"]
