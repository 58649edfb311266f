"""Augmentation that treats the slices of a slab as one image."""
