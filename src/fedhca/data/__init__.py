"""Data sets for dense prediction: reading, augmentation, and splitting among clients."""
