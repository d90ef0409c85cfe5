"""Embeddings of a corpus, and the cache that keeps them."""

from serab.embed.corpus import embed_corpus

__all__ = ["embed_corpus"]
