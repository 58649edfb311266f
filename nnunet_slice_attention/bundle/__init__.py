"""Trained models as one file that can be loaded without running anything that it contains."""
