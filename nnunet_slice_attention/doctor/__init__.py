"""Checks installation and data set before training."""
