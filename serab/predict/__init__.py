"""A kept classifier on a user's recordings: emotions with calibrated probabilities."""
