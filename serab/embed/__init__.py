"""Embeddings of a corpus, and the cache that keeps them."""
