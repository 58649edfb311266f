"""nnU-Net's plans, adapted to slabs and to small machines."""
