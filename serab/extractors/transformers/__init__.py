"""Encoders of the Hugging Face Hub: those that transformers knows, and those that bring code."""

from serab.extractors.transformers.extractor import TransformersExtractor

__all__ = ["TransformersExtractor"]
