"""Attention across the slices of a stack: one mechanism per file, plain PyTorch."""
