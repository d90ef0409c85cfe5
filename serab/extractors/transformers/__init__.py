"""Encoders of the Hugging Face Hub: those that transformers knows, and those that bring code."""
