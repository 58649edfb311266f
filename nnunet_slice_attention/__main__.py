"""`python -m nnunet_slice_attention` is the command `nnunet-slice-attention`."""

import sys

from nnunet_slice_attention.cli import main

if __name__ == "__main__":  # nnU-Net's worker processes import this module again
    sys.exit(main())
