"""Recordings and how they become batches of waveform crops."""
