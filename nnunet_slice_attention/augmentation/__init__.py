"""Augmentation with the same random parameters for all slices of a slab."""
