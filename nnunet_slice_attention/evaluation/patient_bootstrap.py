"""Percentile bootstrap over patients, for metrics of images that are pooled."""

import numpy as np

BOUNDS = (2.5, 97.5)  # percentiles


def draw_counts(rng: np.random.Generator, samples: int, n: int) -> np.ndarray:
    """(samples, n): how often each of n items is in a sample of n drawn with replacement."""
    flat = rng.integers(n, size=(samples, n)) + n * np.arange(samples)[:, None]
    return np.bincount(flat.ravel(), minlength=samples * n).reshape(samples, n).astype(float)
