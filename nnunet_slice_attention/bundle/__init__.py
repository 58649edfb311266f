"""Trained models as one file whose loading runs no code from it."""
