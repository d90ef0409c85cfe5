"""A training run around the step: its directory, checkpoints, interruptions, and Lightning."""
