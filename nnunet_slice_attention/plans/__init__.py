"""Plans of nnU-Net's, and what slabs and small machines make of them."""
