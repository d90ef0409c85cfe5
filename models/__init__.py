"""Of serab-byols: front end, augmentations, encoders, BYOL, checkpoints; everything that is torch."""
