"""Data sets: reading, augmentation, and splitting among clients."""
