"""2.5D slice-attention networks for nnU-Net v2: one trainer name instead of a fork."""

__version__ = "0.2.0.dev0"
