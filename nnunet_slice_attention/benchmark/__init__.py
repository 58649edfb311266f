"""Benchmarks: synthetic data, computational cost and comparison of networks."""
