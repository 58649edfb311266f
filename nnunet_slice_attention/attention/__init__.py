"""Attention across the slices of a stack: one mechanism per file, and what they share; plain PyTorch."""
