"""Front end, augmentations, encoders, BYOL and checkpoints: everything that is torch."""
