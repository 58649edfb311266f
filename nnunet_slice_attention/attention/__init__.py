"""Attention between the slices of a stack: one mechanism a file, plain PyTorch."""
