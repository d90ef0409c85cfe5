"""Of serab-byols: front end, augmentations, encoders, BYOL, checkpoints; all that is torch."""
